//! Linear layers by the kernel that is fastest on the device.

use burn::nn::Linear;
use burn::tensor::Tensor;
use lamplight_kernels::feed_forward::Projection;

pub use lamplight_kernels::linear::linear as project;

/// What the layer makes of the last axis: `[.., inputs]` to `[.., outputs]`.
///
/// # Panics
/// The width of the input is not that of the layer.
pub fn apply<const D: usize>(layer: &Linear, input: Tensor<D>) -> Tensor<D> {
    let Projection { weight, bias } = projection(layer);
    project(input, weight, bias)
}

/// The layer as kernels take it that do more than one.
pub fn projection(layer: &Linear) -> Projection {
    Projection {
        weight: layer.weight.val(),
        bias: layer.bias.as_ref().map(|bias| bias.val()),
    }
}
