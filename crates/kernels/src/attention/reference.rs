//! The same in plain tensor operations.

use burn::tensor::{DType, Tensor, activation::softmax};

use super::{AttentionSettings, AttentionTensors};
use crate::dropout::dropout_mask;

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
    let mut scores = query.matmul(key.transpose()).cast(DType::F32);
    for addend in bias.into_iter().chain(mask) {
        scores = scores + addend;
    }
    let weights = softmax(scores, 3);
    let mut kept = weights.clone().cast(value.dtype());
    if settings.dropout > 0.0 {
        let mask = dropout_mask(kept.dims(), settings.dropout, &kept.device());
        kept = kept * mask.cast(value.dtype());
    }
    Attended {
        context: kept.matmul(value).swap_dims(1, 2),
        weights,
    }
}
