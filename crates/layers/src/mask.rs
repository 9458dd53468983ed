//! Attention masks: boolean while they are combined, additive where attention uses them.

use std::ops::Range;

use burn::tensor::{Bool, Device, Int, Tensor};
use lamplight_kernels::attention::MASKED_SCORE;

/// Spreads `[batch, source]`, true = padding, to `[batch, 1, 1, source]`.
pub fn padding(padding_mask: Tensor<2, Bool>) -> Tensor<4, Bool> {
    padding_mask.unsqueeze_dims(&[1, 2])
}

/// By distance, `[1, 1, 1, target + source - 1]` (see [`AttentionTensors`]): true where the key lies after the query, the
/// first of which stands at `query_offset`.
///
/// [`AttentionTensors`]: lamplight_kernels::attention::AttentionTensors
pub fn causal(
    target: usize,
    source: usize,
    query_offset: usize,
    device: &Device,
) -> Tensor<4, Bool> {
    let distances = distances(target, source, query_offset);
    Tensor::<1, Int>::arange(distances, device)
        .greater_elem(0)
        .unsqueeze_dims(&[0, 1, 2])
}

/// The distances from queries, the first of which stands at `query_offset`, to keys from 0 on: from the last query to the
/// first key up to the other way round.
pub fn distances(target: usize, source: usize, query_offset: usize) -> Range<i64> {
    let (target, source, offset) = (target as i64, source as i64, query_offset as i64);
    1 - target - offset..source - offset
}

/// Of rows that hold several examples: `[batch, 1, target, source]`, true where query and key belong
/// to different ones. `query` is `[batch, target]` and `key` `[batch, source]`: the number of the
/// example, 0 for padding.
pub fn other_segment(query: Tensor<2, Int>, key: Tensor<2, Int>) -> Tensor<4, Bool> {
    let ([batch, target], [_, source]) = (query.dims(), key.dims());
    let shape = [batch, 1, target, source];
    let query = query.unsqueeze_dims::<4>(&[1, 3]).expand(shape);
    let key = key.unsqueeze_dims::<4>(&[1, 2]).expand(shape);
    query.not_equal(key)
}

/// True where either mask is; each axis is broadcast.
pub fn either(one: Tensor<4, Bool>, other: Tensor<4, Bool>) -> Tensor<4, Bool> {
    let (left, right) = (one.dims(), other.dims());
    let shape: [usize; 4] = std::array::from_fn(|axis| left[axis].max(right[axis]));
    one.expand(shape).bool_or(other.expand(shape))
}

/// Turns a mask into scores to add: 0 where visible, a large negative number where true.
pub fn additive(mask: Tensor<4, Bool>) -> Tensor<4> {
    mask.float() * MASKED_SCORE
}
