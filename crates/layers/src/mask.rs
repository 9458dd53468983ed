//! Attention masks: boolean while they are combined, additive where attention uses them.

use burn::tensor::{Bool, Device, Int, Tensor};

/// What is added to the score of a position that may not be seen. Finite, so that a row without
/// any visible position gives a uniform distribution rather than NaN.
const MASKED_SCORE: f64 = -1e9;

/// Spreads `[batch, source]`, true = padding, to `[batch, 1, 1, source]`.
pub fn padding(padding_mask: Tensor<2, Bool>) -> Tensor<4, Bool> {
    padding_mask.unsqueeze_dims(&[1, 2])
}

/// `[1, 1, target, source]`, true where the key lies after the query, the first of which stands at
/// `query_offset`.
pub fn causal(
    target: usize,
    source: usize,
    query_offset: usize,
    device: &Device,
) -> Tensor<4, Bool> {
    let positions = |start: usize, length: usize| {
        Tensor::<1, Int>::arange(start as i64..(start + length) as i64, device)
    };
    let shape = [target, source];
    let key = positions(0, source).unsqueeze_dim::<2>(0).expand(shape);
    let query = positions(query_offset, target)
        .unsqueeze_dim::<2>(1)
        .expand(shape);
    key.greater(query).unsqueeze_dims(&[0, 1])
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
