//! What a cross-entropy reads of logits.

mod cpu;
#[cfg(feature = "cube")]
mod cube;
pub mod reference;

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Int, Tensor};

use crate::processor::is_processor;

/// Of each row of logits, `[rows]`, in f32; their difference is the negative log-likelihood of the target.
#[derive(Debug, Clone)]
pub struct Likelihood {
    /// The logarithm of the softmax's normaliser.
    pub log_z: Tensor<1>,
    /// The logit of the target.
    pub target_logit: Tensor<1>,
}

/// Of logits `[rows, classes]` of any type and one target a row, `[rows]`, computed in f32. The logits are read once, and
/// once more for their gradient.
///
/// Targets are checked on a processor only. Graphics cards do not wait for them to be read: there a target below 0 counts
/// as the first class, and one beyond the last as the last.
///
/// # Panics
/// The numbers of rows differ, or on a processor a target is no class.
pub fn likelihood(logits: Tensor<2>, targets: Tensor<1, Int>) -> Likelihood {
    let device = logits.device();
    assert_eq!(
        targets.dims(),
        [logits.dims()[0]],
        "each row of logits has one target"
    );
    let logits = match is_processor(&device) {
        true => logits.cast(DType::F32),
        false if cfg!(feature = "cube") => logits,
        false => return reference::likelihood(logits, targets),
    };
    let (logits, targets) = (logits.into_dispatch(), targets.into_dispatch());
    let both = <Dispatch as LikelihoodOps>::likelihood(logits, targets);
    let both: Tensor<2> = Tensor::from_dispatch(both);
    Likelihood {
        log_z: both.clone().narrow(1, 0, 1).squeeze_dim(1),
        target_logit: both.narrow(1, 1, 1).squeeze_dim(1),
    }
}

/// Backends with a form of their own.
#[backend_extension(
    Cube: cfg(feature = "cube"),
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff,
)]
pub trait LikelihoodOps: Backend {
    /// As [`likelihood`], both side by side: `[rows, 2]`.
    fn likelihood(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self>;
}

/// The form of a backend.
trait LikelihoodForm: Backend {
    /// Where the form reads targets from.
    type Targets: Debug + Clone + Send + 'static;

    /// The output, and what the backward pass reads.
    fn forward(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> (FloatTensor<Self>, Scored<Self>);

    /// The gradient of the logits from that of the output: the softmax times the first column, and at the target the second.
    fn backward(scored: Scored<Self>, from_above: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// What the forward pass leaves for the backward pass.
#[derive(Debug, Clone)]
struct Scored<B: LikelihoodForm> {
    logits: FloatTensor<B>,
    targets: B::Targets,
    output: FloatTensor<B>,
}

impl<B: LikelihoodForm> LikelihoodOps for B {
    fn likelihood(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self> {
        B::forward(logits, targets).0
    }
}

impl<B: LikelihoodForm, C: CheckpointStrategy> LikelihoodOps for Autodiff<B, C> {
    fn likelihood(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self> {
        let nodes = [logits.node()];
        let (output, scored) = B::forward(logits.into_primitive(), targets);
        match LikelihoodBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish(scored, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct LikelihoodBackward;

impl<B: LikelihoodForm> Backward<B, 1> for LikelihoodBackward {
    type State = Scored<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = gradients.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            gradients.register::<B>(node.id, B::backward(ops.state, from_above));
        }
    }
}
