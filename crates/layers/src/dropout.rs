//! Dropout (Srivastava et al. 2014).

use burn::module::{Flag, Module, Param};
use burn::tensor::{Device, Tensor};
use lamplight_kernels::dropout::{dropout, dropout_onto};

/// Sets elements to zero at random while gradients are on, and scales the others up so that the mean
/// stays.
#[derive(Module, Debug)]
pub struct Dropout {
    prob: f64,
    /// Cleared where a part of the model is frozen.
    training: Param<Flag>,
}

impl Dropout {
    /// Drops elements with this probability, which is in `[0, 1)`.
    ///
    /// # Panics
    /// It is not.
    pub fn new(prob: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&prob),
            "{prob} is no probability to drop by"
        );
        Self {
            prob,
            training: Param::from_bool(true),
        }
    }

    /// The probability of dropping an element on this device: 0 where gradients are off or this part is frozen.
    pub fn rate(&self, device: &Device) -> f64 {
        match self.training.is_enabled() && device.is_autodiff() {
            true => self.prob,
            false => 0.0,
        }
    }

    /// The same shape, some elements dropped.
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        match self.rate(&input.device()) {
            0.0 => input,
            rate => dropout(input, rate),
        }
    }

    /// `residual + forward(input)`, of one shape.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn onto<const D: usize>(&self, residual: Tensor<D>, input: Tensor<D>) -> Tensor<D> {
        match self.rate(&input.device()) {
            0.0 => residual + input,
            rate => dropout_onto(residual, input, rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use lamplight_testing::test_device;

    use super::*;

    #[test]
    fn drops_only_where_gradients_are_on() {
        let device = test_device();
        let dropout = Dropout::new(0.5);
        let ones = |device| Tensor::<1>::ones([1000], device);
        let sum = |x: Tensor<1>| x.sum().into_scalar::<f32>();
        assert_eq!(sum(dropout.forward(ones(&device))), 1000.0);
        let dropped = dropout.forward(ones(&device.clone().autodiff()));
        assert_ne!(sum(dropped.clone()), 1000.0);
        let kept: Vec<f32> = dropped.try_into_vec_as().unwrap_or_default();
        assert!(kept.iter().all(|&element| element == 0.0 || element == 2.0));
    }

    #[test]
    fn the_gradient_goes_where_the_output_came_from() {
        let device = test_device().autodiff();
        let x = Tensor::<1>::ones([100], &device).require_grad();
        let y = Dropout::new(0.3).forward(x.clone());
        let gradients = y.clone().sum().backward();
        let gradient = x.grad(&gradients).map(Tensor::into_data);
        assert_eq!(gradient, Some(y.inner().into_data()));
    }
}
