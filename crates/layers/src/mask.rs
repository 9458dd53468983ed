//! Attention masks: boolean while they are combined, additive where attention uses them.

use burn::tensor::{Bool, Device, Tensor};

/// What is added to the score of a position that may not be seen. Finite, so that a row without
/// any visible position gives a uniform distribution rather than NaN.
const MASKED_SCORE: f64 = -1e9;

/// Spreads `[batch, source]`, true = padding, to `[batch, 1, 1, source]`.
pub fn padding(padding_mask: Tensor<2, Bool>) -> Tensor<4, Bool> {
    padding_mask.unsqueeze_dims(&[1, 2])
}

/// `[1, 1, target, target]`, true where the key lies after the query.
pub fn causal(target: usize, device: &Device) -> Tensor<4, Bool> {
    let query = Tensor::<1, burn::tensor::Int>::arange(0..target as i64, device);
    let key = query.clone().unsqueeze_dim::<2>(0).expand([target, target]);
    let query = query.unsqueeze_dim::<2>(1).expand([target, target]);
    key.greater(query).unsqueeze_dims(&[0, 1])
}

/// Turns a mask into scores to add: 0 where visible, a large negative number where true.
pub fn additive(mask: Tensor<4, Bool>) -> Tensor<4> {
    mask.float() * MASKED_SCORE
}

/// The additive mask of causal self-attention: `[batch or 1, 1, target, target]`.
pub fn causal_with_padding(
    target: usize,
    padding_mask: Option<Tensor<2, Bool>>,
    device: &Device,
) -> Tensor<4> {
    let causal = causal(target, device);
    let mask = match padding_mask {
        None => causal,
        Some(padding_mask) => {
            let [batch, _] = padding_mask.dims();
            let shape = [batch, 1, target, target];
            let padding = padding(padding_mask).expand(shape);
            causal.expand(shape).bool_or(padding)
        }
    };
    additive(mask)
}
