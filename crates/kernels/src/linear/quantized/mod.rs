//! Weights of 8 bits, with a scale for some of each output.

#[cfg(feature = "flex")]
mod flex;

use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Device, Tensor};

use super::reference;

/// Weights of an output that share a scale, at most.
const MOST_WEIGHTS_OF_A_SCALE: usize = 128;

/// The weights `[.., inputs, outputs]` as whole numbers from -127 to 127, times one scale for up to 128 weights of an
/// output. They come as `[.., outputs, inputs]`, so that those of an output lie together.
///
/// # Panics
/// The device's backend has no such tensors.
pub fn quantize<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    let inputs = weight.dims()[D - 2];
    let mut sizes = (1..=MOST_WEIGHTS_OF_A_SCALE).rev();
    let size = sizes.find(|&size| inputs.is_multiple_of(size)).unwrap_or(1);
    let scheme = QuantScheme::default()
        .with_value(QuantValue::Q8S)
        .with_store(QuantStore::Native)
        .per_block([size as u8], ScaleDtype::F32);
    weight.transpose().quantize_dynamic(&scheme)
}

/// Whether weights of 8 bits are multiplied as they are on a device; elsewhere they would be turned into f32 each time.
#[cfg_attr(not(feature = "flex"), expect(unused_variables))]
pub fn multiplies_quantized(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    let multiplies = *device == Device::flex();
    #[cfg(not(feature = "flex"))]
    let multiplies = false;
    multiplies
}

/// As [`super::linear`], of a matrix, by quantized weights `[outputs, inputs]`.
pub(super) fn linear(input: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if multiplies_quantized(&input.device()) && is_own(&input, &weight) {
        let num_outputs = weight.dims()[0];
        let bias = bias.unwrap_or_else(|| Tensor::zeros([num_outputs], &input.device()));
        return flex::own(input, weight, bias);
    }
    reference::linear(input, weight.dequantize().transpose(), bias)
}

/// Whether the weights are as [`quantize`] makes them, and the input is in f32.
#[cfg(feature = "flex")]
fn is_own(input: &Tensor<2>, weight: &Tensor<2>) -> bool {
    let DType::QFloat(scheme) = weight.dtype() else {
        return false;
    };
    let block = scheme.block_size().map(|block| block.as_dim::<2>());
    scheme.value == QuantValue::Q8S && matches!(block, Some([1, _])) && input.dtype() == DType::F32
}
