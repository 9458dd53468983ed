//! Values that a device copies to the host while it goes on with other work.

#[cfg(feature = "cube")]
mod cube;

use burn::tensor::{DType, Tensor, TensorReadError};

use crate::processor::is_processor;

/// Values on their way to the host, as they were when [`Readback::start`] was called.
///
/// Burn's own reads are put off until someone looks at the values, and then wait for all that was queued in between.
pub struct Readback(Reading);

enum Reading {
    /// They are here, or cannot be read.
    Done(Result<Vec<f32>, TensorReadError>),
    /// They come when the device has done what was queued before.
    #[cfg(feature = "cube")]
    Queued(cube::Queued),
}

impl Readback {
    /// Queues the copy behind all work that the tensor follows from. Processors copy at once. Without history: the tensor
    /// may not be on a device with gradients.
    pub fn start(values: Tensor<1>) -> Self {
        let values = values.cast(DType::F32);
        if is_processor(&values.device()) {
            return Self(Reading::Done(values.try_into_vec_as()));
        }
        #[cfg(feature = "cube")]
        return Self(Reading::Queued(cube::Queued::start(values)));
        #[cfg(not(feature = "cube"))]
        Self(Reading::Done(values.try_into_vec_as()))
    }

    /// Waits for the copy.
    ///
    /// # Errors
    /// The device failed, in this work or in some before.
    pub fn finish(self) -> Result<Vec<f32>, TensorReadError> {
        match self.0 {
            Reading::Done(values) => values,
            #[cfg(feature = "cube")]
            Reading::Queued(queued) => queued.finish(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use lamplight_testing::test_device;

    use super::*;
    use crate::adamw::{AdamWStep, AdamWTensors, ScaledGradient, adamw};

    #[test]
    fn values_are_those_at_the_start_whatever_becomes_of_the_tensor() {
        let device = test_device();
        let ones = || Tensor::<1>::ones([5], &device);
        let mut tensors = AdamWTensors {
            parameter: ones() * 3.0,
            first: ones(),
            second: ones(),
        };
        let step = AdamWStep {
            betas: [0.9, 0.99],
            step_size: 0.5,
            root_correction: 1.0,
            epsilon: 1e-6,
            decay: 0.0,
            min_scale: None,
        };
        let mut readbacks = Vec::new();
        for _ in 0..4 {
            readbacks.push(Readback::start(tensors.parameter.clone()));
            let gradient = ScaledGradient {
                values: ones(),
                factor: ones().narrow(0, 0, 1),
            };
            // In place, as nobody else holds the tensors.
            tensors = adamw(&step, tensors, gradient);
        }
        let values = readbacks.into_iter().map(Readback::finish);
        for (values, expected) in values.zip([3.0, 2.5, 2.0, 1.5]) {
            let values = values.unwrap();
            assert_eq!(values.len(), 5);
            let is_near = |value: &f32| (value - expected).abs() < 1e-4;
            assert!(values.iter().all(is_near), "{values:?} for {expected}");
        }
    }

    #[test]
    fn a_readback_that_nobody_waits_for_disturbs_none_that_follow() {
        let device = test_device();
        let tensor = |value: f32| Tensor::<1>::from_floats([value, f32::INFINITY], &device);
        drop(Readback::start(tensor(1.0)));
        let values = Readback::start(tensor(2.0)).finish().unwrap();
        assert_eq!(values, [2.0, f32::INFINITY]);
    }
}
