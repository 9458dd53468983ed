//! Replaced-token detection (Clark et al. 2020, section 2): what the generator's samples make of
//! a text.

use burn::tensor::{Bool, DType, Distribution, IndexingUpdateOp, Int, Tensor, assert_shape};

/// Keeps the logarithms finite.
const EPSILON: f64 = 1e-9;

/// A text after the generator has replaced tokens in it.
#[derive(Debug, Clone)]
pub struct Corruption {
    /// `[batch, length]`.
    pub input_ids: Tensor<2, Int>,
    /// `[batch, length]`, true where the token is another one than before. A sample that happens
    /// to be the original counts as original.
    pub replaced: Tensor<2, Bool>,
}

/// Takes the hidden states `[batch, length, width]` at `positions` `[batch, num_masked]`.
pub fn gather_positions(hidden: Tensor<3>, positions: Tensor<2, Int>) -> Tensor<3> {
    let [batch, _, width] = hidden.dims();
    let [_, num_masked] = positions.dims();
    let index = positions
        .unsqueeze_dim::<3>(2)
        .expand([batch, num_masked, width]);
    hidden.gather(1, index)
}

/// Samples a token per position from the softmax of `logits` `[batch, num_masked, vocab]`, by
/// the Gumbel-max trick: `argmax(logits + gumbel)`. In f32, since in half precision the noise
/// loses its tail, and without a gradient. The noise is drawn on the device where none is given.
pub fn sample(logits: Tensor<3>, gumbel: Option<Tensor<3>>) -> Tensor<2, Int> {
    let logits = logits.detach().cast(DType::F32);
    let gumbel = gumbel.unwrap_or_else(|| {
        let uniform = Distribution::Uniform(0.0, 1.0);
        let u = Tensor::<3>::random(logits.dims(), uniform, &logits.device()).cast(DType::F32);
        ((u + EPSILON).log().neg() + EPSILON).log().neg()
    });
    (logits + gumbel).argmax(2).squeeze_dim(2)
}

/// Puts `sampled_ids` `[batch, num_masked]` at `positions` of `input_ids` `[batch, length]`,
/// where `is_chosen`; the other entries of the list are padding and change nothing, whatever
/// position they name. The chosen positions of a row are distinct.
///
/// # Panics
/// The shapes differ.
pub fn corrupt(
    input_ids: Tensor<2, Int>,
    positions: Tensor<2, Int>,
    is_chosen: Tensor<2, Bool>,
    sampled_ids: Tensor<2, Int>,
) -> Corruption {
    let [batch, _] = input_ids.dims();
    let [_, num_masked] = positions.dims();
    assert_shape!(positions, [batch, num_masked]);
    assert_shape!(is_chosen, [batch, num_masked]);
    assert_shape!(sampled_ids, [batch, num_masked]);

    // Added rather than assigned: an entry that is padding adds 0 to the position it names, which
    // may be one that another entry replaces.
    let original_ids = input_ids.clone().gather(1, positions.clone());
    let change = (sampled_ids - original_ids).mask_fill(is_chosen.bool_not(), 0);
    let corrupted = input_ids
        .clone()
        .scatter(1, positions, change, IndexingUpdateOp::Add);
    Corruption {
        replaced: corrupted.clone().not_equal(input_ids),
        input_ids: corrupted,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;
    use lamplight_testing::test_device;

    fn ids(tensor: Tensor<2, Int>) -> Vec<i64> {
        tensor.into_data().convert::<i64>().try_to_vec().unwrap()
    }

    #[test]
    fn samples_follow_the_softmax() {
        let device = test_device();
        device.seed(3);
        let num_draws = 20_000;
        let logits = Tensor::<1>::from_data([0.0, 3.0_f32.ln()], &device);
        let logits = logits
            .unsqueeze_dims::<3>(&[0, 1])
            .expand([1, num_draws, 2]);
        let num_ones: i64 = ids(sample(logits, None)).iter().sum();
        let frequency = num_ones as f64 / num_draws as f64;
        assert!((frequency - 0.75).abs() < 0.02, "{frequency}");
    }

    #[test]
    fn padding_of_the_list_never_overwrites() {
        let device = test_device();
        let int = |values: Vec<i64>, width: usize| {
            let data = TensorData::new(values, [1, width]);
            Tensor::<2, Int>::from_data(data, &device)
        };
        // Two entries are padding: one names the position that another entry replaces.
        let is_chosen = Tensor::<2, Bool>::from_data([[false, true, false, true]], &device);
        let corruption = corrupt(
            int(vec![10, 11, 12, 13, 14], 5),
            int(vec![2, 2, 0, 4], 4),
            is_chosen,
            int(vec![90, 91, 92, 14], 4),
        );
        assert_eq!(ids(corruption.input_ids), [10, 11, 91, 13, 14]);
        assert_eq!(ids(corruption.replaced.int()), [0, 0, 1, 0, 0]);
    }
}
