//! What a cross-entropy reads of logits.

mod cpu;
pub mod reference;

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Int, Tensor};

use crate::host::Host;
use crate::processor::is_processor;

/// Of each row of logits, `[rows]`; their difference is the negative log-likelihood of the target.
#[derive(Debug, Clone)]
pub struct Likelihood {
    /// The logarithm of the softmax's normaliser.
    pub log_z: Tensor<1>,
    /// The logit of the target.
    pub target_logit: Tensor<1>,
}

/// Of logits `[rows, classes]` and one target a row, `[rows]`. On a processor the logits are read once, and once more for
/// their gradient.
///
/// # Panics
/// The numbers of rows differ, or a target is no class.
pub fn likelihood(logits: Tensor<2>, targets: Tensor<1, Int>) -> Likelihood {
    let [rows, classes] = logits.dims();
    assert_eq!(targets.dims(), [rows], "each row of logits has one target");
    if !is_processor(&logits.device()) || logits.dtype() != DType::F32 {
        return reference::likelihood(logits, targets);
    }
    let targets: Vec<i64> = match targets.try_into_vec_as() {
        Ok(targets) => targets,
        Err(error) => panic!("targets cannot be read: {error}"),
    };
    let is_class = |&target: &i64| (0..classes as i64).contains(&target);
    assert!(
        targets.iter().all(is_class),
        "a target is none of the {classes} classes"
    );
    let logits = logits.into_dispatch();
    let both = <Dispatch as LikelihoodOps>::likelihood(logits, targets.into());
    let both: Tensor<2> = Tensor::from_dispatch(both);
    Likelihood {
        log_z: both.clone().narrow(1, 0, 1).squeeze_dim(1),
        target_logit: both.narrow(1, 1, 1).squeeze_dim(1),
    }
}

/// Backends with a form of their own.
#[backend_extension(Flex: cfg(feature = "flex"), NdArray: cfg(feature = "ndarray"), Autodiff)]
pub trait LikelihoodOps: Backend {
    /// As [`likelihood`], both side by side: `[rows, 2]`.
    fn likelihood(logits: FloatTensor<Self>, targets: Arc<[i64]>) -> FloatTensor<Self>;
}

impl<B: Host> LikelihoodOps for B {
    fn likelihood(logits: FloatTensor<Self>, targets: Arc<[i64]>) -> FloatTensor<Self> {
        cpu::forward::<B>(&B::dense(logits), &targets)
    }
}

impl<B: Host, C: CheckpointStrategy> LikelihoodOps for Autodiff<B, C> {
    fn likelihood(logits: FloatTensor<Self>, targets: Arc<[i64]>) -> FloatTensor<Self> {
        let nodes = [logits.node()];
        let logits = B::dense(logits.into_primitive());
        let output = cpu::forward::<B>(&logits, &targets);
        match LikelihoodBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                prepared.finish((logits, targets, output.clone()), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct LikelihoodBackward;

impl<B: Host> Backward<B, 1> for LikelihoodBackward {
    /// Logits, targets and output.
    type State = (FloatTensor<B>, Arc<[i64]>, FloatTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = B::dense(gradients.consume::<B>(&ops.node));
        let (logits, targets, output) = ops.state;
        if let [Some(node)] = ops.parents {
            let found = cpu::backward::<B>(&logits, &targets, &output, &from_above);
            gradients.register::<B>(node.id, found);
        }
    }
}
