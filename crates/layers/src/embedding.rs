//! Embedding tables by the kernel that is fastest on the device.

use burn::nn::Embedding;
use burn::tensor::{Int, Tensor};

use lamplight_kernels::embedding::embedding;

/// The rows of the table for ids `[batch, length]`: `[batch, length, width]`.
///
/// # Panics
/// On a processor an id lies outside of the table.
pub fn look_up(table: &Embedding, ids: Tensor<2, Int>) -> Tensor<3> {
    embedding(table.weight.val(), ids)
}
