//! Dropout (Srivastava et al. 2014).

mod cpu;
#[cfg(feature = "cube")]
mod cube;
pub mod reference;

use burn::tensor::{Device, Tensor};

use crate::processor::is_processor;

/// The input times a mask as [`dropout_mask`] draws it. On a graphics card `prob` is rounded as on a processor, and no mask
/// is kept for the backward pass, which draws it again from the same seed.
pub fn dropout<const D: usize>(input: Tensor<D>, prob: f64) -> Tensor<D> {
    let device = input.device();
    #[cfg(feature = "cube")]
    if !is_processor(&device) {
        return cube::dropout(input, prob);
    }
    let mask = dropout_mask(input.dims(), prob, &device);
    let dtype = input.dtype();
    input * mask.cast(dtype)
}

/// `residual + dropout(input)`.
///
/// # Panics
/// The shapes differ.
pub fn dropout_onto<const D: usize>(residual: Tensor<D>, input: Tensor<D>, prob: f64) -> Tensor<D> {
    #[cfg(feature = "cube")]
    if !is_processor(&input.device()) && residual.dtype() == input.dtype() {
        assert_eq!(residual.dims(), input.dims(), "residual and input");
        return cube::dropout_onto(residual, input, prob);
    }
    residual + dropout(input, prob)
}

/// A tensor of `shape` whose elements are `1 / (1 - prob)`, or with probability `prob` zero. On a processor
/// `prob` is rounded to a multiple of 2^-16, and the scale is that of the rounded one.
pub fn dropout_mask<const D: usize>(shape: [usize; D], prob: f64, device: &Device) -> Tensor<D> {
    match is_processor(device) {
        true => cpu::dropout_mask(shape, prob, device),
        false => reference::dropout_mask(shape, prob, device),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use lamplight_testing::test_device;

    use super::*;

    fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.try_into_vec_as().unwrap()
    }

    #[test]
    fn a_mask_drops_the_share_that_is_asked_for_as_the_reference_does() {
        let device = test_device();
        device.seed(1);
        let shape = [1000, 300];
        for mask in [
            dropout_mask(shape, 0.1, &device),
            reference::dropout_mask(shape, 0.1, &device),
        ] {
            let mask = read(mask);
            let num_dropped = mask.iter().filter(|&&element| element == 0.0).count();
            // Five standard deviations of 300,000 draws.
            assert!(
                (num_dropped as f64 / 3e5 - 0.1).abs() < 0.0028,
                "{num_dropped}"
            );
            let mut kept = mask.iter().filter(|&&element| element != 0.0);
            assert!(kept.all(|&element| (element - 1.0 / 0.9).abs() < 1e-4));
        }
    }
}
