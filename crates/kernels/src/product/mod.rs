//! Products of matrices that keep their precision.

#[cfg(feature = "cube")]
pub(crate) mod cube;

use burn::tensor::Tensor;

#[cfg(feature = "cube")]
use crate::processor::is_processor;

/// `left right` over the last two axes; the axes before them are those of both. In f32 it is computed in f32: on tensor
/// cores Burn's own rounds the factors to the 10 bits of TF32.
///
/// # Panics
/// The shapes differ.
pub fn product<const D: usize>(left: Tensor<D>, right: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cube")]
    if !is_processor(&left.device()) {
        return cube::product(left, right);
    }
    left.matmul(right)
}
