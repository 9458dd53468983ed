//! Replaced-token detection (Clark et al. 2020, section 2): what the generator's samples make of
//! a text.

use burn::tensor::{Bool, DType, IndexingUpdateOp, Int, Tensor, assert_shape};
use lamplight_kernels::categorical::categorical;

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

/// Samples a token per position from the softmax of `logits` `[batch, num_masked, vocab]`, in f32 and
/// without a gradient. Where `gumbel` noise of that shape is given, by the Gumbel-max trick:
/// `argmax(logits + gumbel)`.
pub fn sample(logits: Tensor<3>, gumbel: Option<Tensor<3>>) -> Tensor<2, Int> {
    let logits = logits.detach();
    let [batch, num_masked, _] = logits.dims();
    match gumbel {
        Some(gumbel) => (logits.cast(DType::F32) + gumbel).argmax(2).squeeze_dim(2),
        None => categorical(logits.flatten::<2>(0, 1)).reshape([batch, num_masked]),
    }
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
