//! Element-wise activations, with a gate or without.

mod cpu;
#[cfg(feature = "cube")]
mod cube;
pub mod reference;

pub(crate) use cpu::in_place;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Tensor};

use crate::processor::is_processor;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `max(x, 0)`.
    Relu,
    /// The exact GELU, by the error function (Hendrycks and Gimpel 2016).
    Gelu,
    /// Its approximation by the hyperbolic tangent.
    GeluTanh,
    /// `x * sigmoid(x)`.
    Silu,
}

/// The function of each element. Graphics cards compute it in f32 whatever the type, as they do [`gated`].
pub fn activation<const D: usize>(input: Tensor<D>, function: Function) -> Tensor<D> {
    if !has_own(&input) {
        return reference::activation(input, function);
    }
    let input = input.into_dispatch();
    Tensor::from_dispatch(<Dispatch as ActivationOps>::activation(input, function))
}

/// The function of each element of the gate, times the input (Shazeer 2020, "GLU Variants Improve Transformer").
///
/// # Panics
/// The shapes differ.
pub fn gated<const D: usize>(gate: Tensor<D>, input: Tensor<D>, function: Function) -> Tensor<D> {
    if !has_own(&gate) || gate.dtype() != input.dtype() {
        return reference::gated(gate, input, function);
    }
    assert_eq!(
        gate.dims(),
        input.dims(),
        "the gate has another shape than the input"
    );
    let (gate, input) = (gate.into_dispatch(), input.into_dispatch());
    Tensor::from_dispatch(<Dispatch as ActivationOps>::gated(gate, input, function))
}

fn has_own<const D: usize>(tensor: &Tensor<D>) -> bool {
    match tensor.dtype() {
        DType::F32 => cfg!(feature = "cube") || is_processor(&tensor.device()),
        DType::F16 | DType::BF16 => cfg!(feature = "cube") && !is_processor(&tensor.device()),
        _ => false,
    }
}

/// Backends with forms of their own.
#[backend_extension(
    Cube: cfg(feature = "cube"),
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff,
)]
pub trait ActivationOps: Backend {
    /// As [`activation`].
    fn activation(input: FloatTensor<Self>, function: Function) -> FloatTensor<Self>;

    /// As [`gated`].
    fn gated(
        gate: FloatTensor<Self>,
        input: FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self>;
}

/// The forms of a backend.
trait ActivationForm: Backend {
    /// A tensor as the other methods take theirs.
    fn laid_out(tensor: FloatTensor<Self>) -> FloatTensor<Self>;

    /// As [`activation`].
    fn forward(input: &FloatTensor<Self>, function: Function) -> FloatTensor<Self>;

    /// The gradient of the input from that of the output.
    fn backward(
        input: &FloatTensor<Self>,
        from_above: &FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self>;

    /// As [`gated`].
    fn gated_forward(
        gate: &FloatTensor<Self>,
        input: &FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self>;

    /// The gradients of gate and input from that of the output.
    fn gated_backward(
        gate: &FloatTensor<Self>,
        input: &FloatTensor<Self>,
        from_above: &FloatTensor<Self>,
        function: Function,
    ) -> [FloatTensor<Self>; 2];
}

impl<B: ActivationForm> ActivationOps for B {
    fn activation(input: FloatTensor<Self>, function: Function) -> FloatTensor<Self> {
        B::forward(&B::laid_out(input), function)
    }

    fn gated(
        gate: FloatTensor<Self>,
        input: FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self> {
        B::gated_forward(&B::laid_out(gate), &B::laid_out(input), function)
    }
}

impl<B: ActivationForm, C: CheckpointStrategy> ActivationOps for Autodiff<B, C> {
    fn activation(input: FloatTensor<Self>, function: Function) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let input = B::laid_out(input.into_primitive());
        let output = B::forward(&input, function);
        match ActivationBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish((input, function), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn gated(
        gate: FloatTensor<Self>,
        input: FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self> {
        let nodes = [gate.node(), input.node()];
        let [gate, input] = [gate, input].map(|tensor| B::laid_out(tensor.into_primitive()));
        let output = B::gated_forward(&gate, &input, function);
        match GatedBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((gate, input, function), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct ActivationBackward;

impl<B: ActivationForm> Backward<B, 1> for ActivationBackward {
    type State = (FloatTensor<B>, Function);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = B::laid_out(gradients.consume::<B>(&ops.node));
        let (input, function) = ops.state;
        if let [Some(node)] = ops.parents {
            let found = B::backward(&input, &from_above, function);
            gradients.register::<B>(node.id, found);
        }
    }
}

#[derive(Debug)]
struct GatedBackward;

impl<B: ActivationForm> Backward<B, 2> for GatedBackward {
    type State = (FloatTensor<B>, FloatTensor<B>, Function);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = B::laid_out(gradients.consume::<B>(&ops.node));
        let (gate, input, function) = ops.state;
        let found = B::gated_backward(&gate, &input, &from_above, function);
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}
