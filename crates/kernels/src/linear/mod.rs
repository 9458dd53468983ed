//! An affine map of rows.

mod cpu;
#[cfg(feature = "cube")]
mod cube;
mod few_rows;
mod quantized;
pub mod reference;
#[cfg(feature = "cube")]
mod weight_gradient;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Tensor};

use crate::host::Host;
use crate::processor::is_processor;

pub(crate) use few_rows::MOST_ROWS as MOST_FEW_ROWS;
pub use quantized::{multiplies_quantized, quantize};

/// `input weight + bias` over the last axis: `[.., inputs]` times `[inputs, outputs]` plus `[outputs]`. The weight may be
/// one of [`quantize`]; then few rows are multiplied as fast as it can be read, and more rows by a copy in f32.
///
/// # Panics
/// The shapes differ.
pub fn linear<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    let mut shape = input.dims();
    let is_quantized = matches!(weight.dtype(), DType::QFloat(_));
    let [num_inputs, num_outputs] = match (is_quantized, weight.dims()) {
        (false, shape) => shape,
        (true, [outputs, inputs]) => [inputs, outputs],
    };
    assert_eq!(
        shape[D - 1],
        num_inputs,
        "the width of the input is not that of the weights"
    );
    #[cfg(feature = "cube")]
    if !is_quantized
        && !is_processor(&input.device())
        && is_one_type(&input, &weight, bias.as_ref())
    {
        return cube::linear(input, weight, bias);
    }
    shape[D - 1] = num_outputs;
    // As one matrix also for the reference: Burn's linear layer over one row of one batch, as in decoding, takes a path
    // that copies transposed weights.
    let input: Tensor<2> = input.reshape([-1, num_inputs as i32]);
    let is_f32 = input.dtype() == DType::F32 && weight.dtype() == DType::F32;
    let output = if is_quantized {
        quantized::linear(input, weight, bias)
    } else if is_f32 && is_processor(&input.device()) {
        own(input, weight, bias)
    } else {
        reference::linear(input, weight, bias)
    };
    output.reshape(shape)
}

#[cfg(feature = "cube")]
fn is_one_type<const D: usize>(
    input: &Tensor<D>,
    weight: &Tensor<2>,
    bias: Option<&Tensor<1>>,
) -> bool {
    let dtype = input.dtype();
    weight.dtype() == dtype && bias.is_none_or(|bias| bias.dtype() == dtype)
}

fn own(input: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let num_outputs = weight.dims()[1];
    let bias = bias.unwrap_or_else(|| Tensor::zeros([num_outputs], &input.device()));
    Tensor::from_dispatch(<Dispatch as LinearOps>::linear(
        input.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// Backends with a form of their own.
#[backend_extension(Flex: cfg(feature = "flex"), NdArray: cfg(feature = "ndarray"), Autodiff)]
pub trait LinearOps: Backend {
    /// As [`linear`], of a matrix.
    fn linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl<B: Host> LinearOps for B {
    fn linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let (input, weight) = (B::visible_matrix(input), B::visible_matrix(weight));
        cpu::forward::<B>(&input, &weight, &B::dense(bias))
    }
}

impl<B: Host, C: CheckpointStrategy> LinearOps for Autodiff<B, C> {
    fn linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), weight.node(), bias.node()];
        let input = B::visible_matrix(input.into_primitive());
        let weight = B::visible_matrix(weight.into_primitive());
        let output = cpu::forward::<B>(&input, &weight, &B::dense(bias.into_primitive()));
        match LinearBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish((input, weight), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct LinearBackward;

impl<B: Host> Backward<B, 3> for LinearBackward {
    /// Input and weight.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = B::visible_matrix(gradients.consume::<B>(&ops.node));
        let from_above = B::view(&gradient).whole();
        let (input, weight) = (B::view(&ops.state.0), B::view(&ops.state.1));
        let [of_input, of_weight, of_bias] = ops.parents;
        if let Some(node) = of_input {
            let found = cpu::product::<B>(from_above, weight.whole().transpose());
            gradients.register::<B>(node.id, found);
        }
        if let Some(node) = of_weight {
            let input = input.whole();
            // Laid out as the weight is, so that the two are added up without a copy.
            let found = match weight.has_dense_rows() {
                true => cpu::product::<B>(input.transpose(), from_above),
                false => {
                    let transposed = cpu::product::<B>(from_above.transpose(), input);
                    B::float_swap_dims(transposed, 0, 1)
                }
            };
            gradients.register::<B>(node.id, found);
        }
        if let Some(node) = of_bias {
            gradients.register::<B>(node.id, cpu::sum_of_rows::<B>(from_above));
        }
    }
}
