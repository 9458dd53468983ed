//! The same in plain tensor operations.

use burn::tensor::{DType, Int, Tensor, activation::softmax};

use super::{AttentionSettings, AttentionTensors, MASKED_SCORE, is_by_distance};
use crate::dropout::dropout;
use crate::product::product;

/// What attention gives.
#[derive(Debug)]
pub struct Attended {
    /// `[batch, target, heads, head_dim]`.
    pub context: Tensor<4>,
    /// `[batch, heads, target, source]`, after the softmax and before dropout, in f32.
    pub weights: Tensor<4>,
}

/// As [`super::attention`], with the weights.
pub fn attention(tensors: AttentionTensors, settings: AttentionSettings) -> Attended {
    let AttentionTensors {
        query,
        key,
        value,
        bias,
        mask,
    } = tensors;
    let query = match settings.scale == 1.0 {
        true => query,
        false => query * settings.scale,
    };
    let ([_, _, target, _], [_, _, source, _]) = (query.dims(), key.dims());
    let mut scores = product(query, key.transpose()).cast(DType::F32);
    let bias = bias.map(|bias| of_each_key(bias, target, source));
    if let Some(addend) = sum(bias, mask) {
        scores = scores + addend;
    }
    let weights = softmax(scores, 3);
    Attended {
        context: context(weights.clone(), value, settings.dropout),
        weights,
    }
}

/// `dropout(weights) value`, as `[batch, target, heads, head_dim]`.
pub(super) fn context(weights: Tensor<4>, value: Tensor<4>, prob: f64) -> Tensor<4> {
    let mut kept = weights.cast(value.dtype());
    if prob > 0.0 {
        kept = dropout(kept, prob);
    }
    product(kept, value).swap_dims(1, 2)
}

/// The sum of bias and mask, no lower than [`MASKED_SCORE`].
fn sum(bias: Option<Tensor<4>>, mask: Option<Tensor<4>>) -> Option<Tensor<4>> {
    match (bias, mask) {
        (Some(bias), Some(mask)) => Some((bias + mask).clamp_min(MASKED_SCORE)),
        (bias, mask) => bias.or(mask),
    }
}

/// A bias by distance spread to `[batch, heads, target, source]`; any other as it is.
pub fn of_each_key(bias: Tensor<4>, target: usize, source: usize) -> Tensor<4> {
    if !is_by_distance(&bias, target, source) {
        return bias;
    }
    let [batch, heads, _, _] = bias.dims();
    let places: Vec<i64> = (0..target as i64)
        .rev()
        .flat_map(|first| first..first + source as i64)
        .collect();
    let places = Tensor::<1, Int>::from_data(places.as_slice(), &bias.device());
    bias.select(3, places)
        .reshape([batch, heads, target, source])
}
