//! What dropout multiplies by (Srivastava et al. 2014).

mod cpu;
pub mod reference;

use burn::tensor::{Device, Tensor};

use crate::processor::is_processor;

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
