//! Layer normalisation (Ba et al. 2016) and the one by the root mean square (Zhang and Sennrich 2019).

mod cpu;
#[cfg(feature = "cube")]
mod cube;
pub mod reference;

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Tensor};

use crate::processor::is_processor;

/// What normed rows are multiplied by, and what is added, `[width]`.
#[derive(Debug, Clone)]
pub struct NormParameters {
    /// The factor of each column.
    pub gamma: Tensor<1>,
    /// The addend of each column.
    pub beta: Option<Tensor<1>>,
}

/// How rows are normed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormSettings {
    /// Whether the mean is subtracted first.
    pub is_centered: bool,
    /// Added to the variance.
    pub epsilon: f64,
}

/// `(input - mean) / sqrt(variance + epsilon) * gamma + beta` over the last axis; the mean is 0 unless it is centered.
/// All is computed in f32, which the parameters are in, and given in the type of the input.
///
/// # Panics
/// The widths differ.
pub fn norm<const D: usize>(
    input: Tensor<D>,
    parameters: NormParameters,
    settings: NormSettings,
) -> Tensor<D> {
    let (device, dtype, shape) = (input.device(), input.dtype(), input.dims());
    let [width] = parameters.gamma.dims();
    assert_eq!(
        shape[D - 1],
        width,
        "the width of the input is not that of the norm"
    );
    let input = match is_processor(&device) {
        true => input.cast(DType::F32),
        false if cfg!(feature = "cube") => input,
        false => return reference::norm(input, parameters, settings),
    };
    let NormParameters { gamma, beta } = parameters;
    let input: Tensor<2> = input.reshape([-1, width as i32]);
    let has_beta = beta.is_some();
    // Of a missing one only its place is taken, on a graphics card by what is there, which needs no launch.
    let beta = beta.unwrap_or_else(|| match is_processor(&device) {
        true => Tensor::zeros([width], &device),
        false => gamma.clone().detach(),
    });
    let output: Tensor<2> = Tensor::from_dispatch(<Dispatch as NormOps>::norm(
        input.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        has_beta,
        settings,
    ));
    output.reshape(shape).cast(dtype)
}

/// Backends with a form of their own.
#[backend_extension(
    Cube: cfg(feature = "cube"),
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff,
)]
pub trait NormOps: Backend {
    /// As [`norm`], of a matrix. A beta that is none is one of zeros on processors.
    fn norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        has_beta: bool,
        settings: NormSettings,
    ) -> FloatTensor<Self>;
}

/// The form of a backend.
trait NormForm: Backend {
    /// What the rows are normed by.
    type Moments: Debug + Clone + Send + 'static;

    /// The output, and what the backward pass reads.
    fn forward(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        has_beta: bool,
        settings: NormSettings,
    ) -> (FloatTensor<Self>, Normed<Self>);

    /// The gradients of input, gamma and, where it is wanted, beta from that of the output.
    fn backward(
        normed: Normed<Self>,
        from_above: FloatTensor<Self>,
        wants_beta: bool,
    ) -> [Option<FloatTensor<Self>>; 3];
}

/// What the forward pass leaves for the backward pass.
#[derive(Debug, Clone)]
struct Normed<B: NormForm> {
    input: FloatTensor<B>,
    gamma: FloatTensor<B>,
    moments: B::Moments,
    is_centered: bool,
}

impl<B: NormForm> NormOps for B {
    fn norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        has_beta: bool,
        settings: NormSettings,
    ) -> FloatTensor<Self> {
        B::forward(input, gamma, beta, has_beta, settings).0
    }
}

impl<B: NormForm, C: CheckpointStrategy> NormOps for Autodiff<B, C> {
    fn norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        has_beta: bool,
        settings: NormSettings,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), gamma.node(), beta.node()];
        let [input, gamma, beta] = [input, gamma, beta].map(|tensor| tensor.into_primitive());
        let (output, normed) = B::forward(input, gamma, beta, has_beta, settings);
        match NormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(normed, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct NormBackward;

impl<B: NormForm> Backward<B, 3> for NormBackward {
    type State = Normed<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = gradients.consume::<B>(&ops.node);
        let wants_beta = ops.parents[2].is_some();
        let found = B::backward(ops.state, from_above, wants_beta);
        for parent in ops.parents.into_iter().zip(found) {
            if let (Some(node), Some(gradient)) = parent {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}
