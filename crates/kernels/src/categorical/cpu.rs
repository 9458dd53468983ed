use burn::tensor::{Int, Tensor, TensorData};
use rand::RngExt;
use rayon::prelude::*;

use super::reference;
use crate::random::{draw_seed, generator};

/// One number for each row, and its place in the distribution function.
pub fn categorical(logits: Tensor<2>) -> Tensor<1, Int> {
    let device = logits.device();
    let [rows, classes] = logits.dims();
    let data = logits.into_data();
    let Ok(values) = data.as_slice::<f32>() else {
        return reference::categorical(Tensor::from_data(data, &device));
    };
    let seed = draw_seed(&device);
    let rows_of_values = values.par_chunks(classes.max(1)).enumerate();
    let drawn: Vec<i64> = rows_of_values
        .map(|(row, logits)| draw_index(logits, generator(seed, row).random()) as i64)
        .collect();
    Tensor::from_data(TensorData::new(drawn, [rows]), &device)
}

/// Where the distribution function of the softmax of `logits` passes `uniform`, which is in `[0, 1)`.
fn draw_index(logits: &[f32], uniform: f64) -> usize {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = logits.iter().map(|logit| (logit - highest).exp()).collect();
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let mut rest = uniform * total;
    let passed = weights.iter().position(|&weight| {
        rest -= f64::from(weight);
        rest < 0.0
    });
    // Rounding may leave a little behind the last.
    let last = || weights.iter().rposition(|&weight| weight > 0.0);
    passed.or_else(last).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_without_probability_is_never_drawn() {
        let logits = [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY];
        for uniform in [0.0, 0.5, 1.0 - f64::EPSILON] {
            assert_eq!(draw_index(&logits, uniform), 1);
        }
        assert_eq!(draw_index(&[0.0; 4], 0.5), 2);
    }
}
