//! Layer normalisation (Ba et al. 2016) and the one by the root mean square (Zhang and Sennrich 2019).

mod cpu;
pub mod reference;

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Tensor};

use crate::host::Host;
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
///
/// # Panics
/// The widths differ.
pub fn norm<const D: usize>(
    input: Tensor<D>,
    parameters: NormParameters,
    settings: NormSettings,
) -> Tensor<D> {
    let device = input.device();
    if !is_processor(&device) || input.dtype() != DType::F32 {
        return reference::norm(input, parameters, settings);
    }
    let shape = input.dims();
    let NormParameters { gamma, beta } = parameters;
    let [width] = gamma.dims();
    assert_eq!(
        shape[D - 1],
        width,
        "the width of the input is not that of the norm"
    );
    let input: Tensor<2> = input.reshape([-1, width as i32]);
    let beta = beta.unwrap_or_else(|| Tensor::zeros([width], &device));
    let output: Tensor<2> = Tensor::from_dispatch(<Dispatch as NormOps>::norm(
        input.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        settings,
    ));
    output.reshape(shape)
}

/// Backends with a form of their own.
#[backend_extension(Flex: cfg(feature = "flex"), NdArray: cfg(feature = "ndarray"), Autodiff)]
pub trait NormOps: Backend {
    /// As [`norm`], of a matrix.
    fn norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: NormSettings,
    ) -> FloatTensor<Self>;
}

/// What a row is normed by.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    mean: f32,
    /// One over the root of the variance.
    factor: f32,
}

impl<B: Host> NormOps for B {
    fn norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: NormSettings,
    ) -> FloatTensor<Self> {
        cpu::forward::<B>(
            &B::dense(input),
            &B::dense(gamma),
            &B::dense(beta),
            settings,
        )
        .0
    }
}

impl<B: Host, C: CheckpointStrategy> NormOps for Autodiff<B, C> {
    fn norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: NormSettings,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), gamma.node(), beta.node()];
        let [input, gamma, beta] =
            [input, gamma, beta].map(|tensor| B::dense(tensor.into_primitive()));
        let (output, moments) = cpu::forward::<B>(&input, &gamma, &beta, settings);
        match NormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let state = (input, gamma, moments.into(), settings.is_centered);
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct NormBackward;

impl<B: Host> Backward<B, 3> for NormBackward {
    /// Input, gamma, the moments of each row, and whether the mean was subtracted.
    type State = (FloatTensor<B>, FloatTensor<B>, Arc<[Moments]>, bool);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = B::dense(gradients.consume::<B>(&ops.node));
        let (input, gamma, moments, is_centered) = ops.state;
        let found = cpu::backward::<B>(&input, &gamma, &moments, &from_above, is_centered);
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}
