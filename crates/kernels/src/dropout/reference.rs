//! The same in plain tensor operations.

use burn::tensor::{Device, Distribution, Tensor};

/// As [`super::dropout_mask`], `prob` not rounded.
pub fn dropout_mask<const D: usize>(shape: [usize; D], prob: f64, device: &Device) -> Tensor<D> {
    let kept = Distribution::Bernoulli(1.0 - prob);
    Tensor::random(shape, kept, device) * (1.0 / (1.0 - prob))
}
