//! The update of one parameter by Adam with decoupled weight decay (Loshchilov and Hutter 2019).

mod cpu;
pub mod reference;

use burn::tensor::{DType, Tensor};

use crate::processor::is_processor;

/// What a step needs beside tensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWStep {
    /// Decay rates of the two moments.
    pub betas: [f64; 2],
    /// Learning rate over the first moment's bias correction.
    pub step_size: f64,
    /// What the root of the second moment is divided by: the root of its bias correction.
    pub root_correction: f64,
    /// Added to the divided root.
    pub epsilon: f64,
    /// Share of the parameter that goes: learning rate times weight decay.
    pub decay: f64,
    /// Where given, the step is multiplied by the root mean square of the parameter, or by this if that is less.
    pub min_scale: Option<f64>,
}

/// A parameter with its moments, all of one shape and in f32.
#[derive(Debug, Clone)]
pub struct AdamWTensors<const D: usize> {
    /// The parameter.
    pub parameter: Tensor<D>,
    /// Mean of the gradients.
    pub first: Tensor<D>,
    /// Mean of their squares.
    pub second: Tensor<D>,
}

/// All three after one more gradient. Without history: no tensor may be tracked.
pub fn adamw<const D: usize>(
    step: &AdamWStep,
    old: AdamWTensors<D>,
    gradient: Tensor<D>,
) -> AdamWTensors<D> {
    let is_f32 = old.parameter.dtype() == DType::F32 && gradient.dtype() == DType::F32;
    match is_f32 && is_processor(&old.parameter.device()) {
        true => cpu::adamw(step, old, gradient),
        false => reference::adamw(step, old, gradient),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::Distribution;
    use lamplight_testing::test_device;

    use super::*;

    fn step() -> AdamWStep {
        AdamWStep {
            betas: [0.9, 0.99],
            step_size: 0.03,
            root_correction: 0.4,
            epsilon: 1e-6,
            decay: 0.001,
            min_scale: None,
        }
    }

    /// The largest difference over several steps of parameters of some odd sizes.
    fn difference(step: &AdamWStep) -> f32 {
        let device = test_device();
        device.seed(5);
        let random = |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Default, &device);
        let mut worst = 0.0_f32;
        for shape in [[1, 1], [3, 7], [129, 257]] {
            let start = AdamWTensors {
                parameter: random(shape),
                first: Tensor::zeros(shape, &device),
                second: Tensor::zeros(shape, &device),
            };
            let (mut fast, mut slow) = (start.clone(), start);
            for _ in 0..3 {
                let gradient = random(shape) - 0.5;
                fast = adamw(step, fast, gradient.clone());
                slow = reference::adamw(step, slow, gradient);
            }
            for (fast, slow) in [
                (fast.parameter, slow.parameter),
                (fast.first, slow.first),
                (fast.second, slow.second),
            ] {
                worst = worst.max((fast - slow).abs().max().into_scalar::<f32>());
            }
        }
        worst
    }

    #[test]
    fn a_step_is_that_of_the_reference() {
        let difference = difference(&step());
        assert!(difference < 1e-6, "{difference}");
    }

    #[test]
    fn a_step_scaled_by_the_parameter_is_that_of_the_reference() {
        let scaled = AdamWStep {
            min_scale: Some(1e-3),
            decay: 0.0,
            ..step()
        };
        let difference = difference(&scaled);
        assert!(difference < 1e-6, "{difference}");
    }

    #[test]
    fn tensors_that_others_hold_stay_as_they_are() {
        let device = test_device();
        let ones = Tensor::<1>::ones([100], &device);
        let old = AdamWTensors {
            parameter: ones.clone(),
            first: ones.clone(),
            second: ones.clone(),
        };
        adamw(&step(), old, ones.clone());
        assert_eq!(ones.sum().into_scalar::<f32>(), 100.0);
    }
}
