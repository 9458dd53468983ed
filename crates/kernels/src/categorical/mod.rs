//! Draws from the softmax of logits.

mod cpu;
pub mod reference;

use burn::tensor::{DType, Int, Tensor};

use crate::processor::is_processor;

/// An index per row from the softmax of `logits` `[rows, classes]`, in f32 and without a gradient.
pub fn categorical(logits: Tensor<2>) -> Tensor<1, Int> {
    let logits = logits.detach().cast(DType::F32);
    match is_processor(&logits.device()) {
        true => cpu::categorical(logits),
        false => reference::categorical(logits),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use lamplight_testing::test_device;

    use super::*;

    #[test]
    fn indices_follow_the_softmax_as_those_of_the_reference_do() {
        let device = test_device();
        device.seed(3);
        let num_draws = 20_000;
        let logits = Tensor::<1>::from_data([0.0, 3.0_f32.ln()], &device);
        let logits = logits.unsqueeze_dim::<2>(0).expand([num_draws, 2]);
        for drawn in [
            categorical(logits.clone()),
            reference::categorical(logits.clone()),
        ] {
            let drawn: Vec<i64> = drawn.try_into_vec_as().unwrap();
            let frequency = drawn.iter().sum::<i64>() as f64 / num_draws as f64;
            assert!((frequency - 0.75).abs() < 0.02, "{frequency}");
        }
    }
}
