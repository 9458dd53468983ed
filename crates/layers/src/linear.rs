//! Linear layers by the kernel that is fastest on the device.

use burn::nn::Linear;
use burn::tensor::Tensor;

pub use lamplight_kernels::linear::linear as project;

/// What the layer makes of the last axis: `[.., inputs]` to `[.., outputs]`.
///
/// # Panics
/// The width of the input is not that of the layer.
pub fn apply<const D: usize>(layer: &Linear, input: Tensor<D>) -> Tensor<D> {
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    project(input, layer.weight.val(), bias)
}
