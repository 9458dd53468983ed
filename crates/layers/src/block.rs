//! What the blocks of a stack have in common, and how a stack runs them.

use burn::module::Module;
use burn::tensor::{DType, Tensor};
use lamplight_kernels::processor::on_worker;

use crate::Trace;
use crate::attention::AttentionBias;
use crate::recompute::Tape;

/// A transformer block, which keeps the shape of its input.
pub trait Block: Module + Sync + 'static {
    /// Runs the block.
    fn forward(&self, input: BlockInput) -> BlockOutput;

    /// The type of its weights, which is that of the residual stream.
    fn dtype(&self) -> DType;
}

/// What a block reads.
#[derive(Debug, Clone)]
pub struct BlockInput {
    /// The residual stream, `[batch, length, d_model]`.
    pub x: Tensor<3>,
    /// What is added to the scores of self-attention, `[batch, heads, length, length]`.
    pub bias: AttentionBias,
    /// What cross-attention reads; none in an encoder.
    pub memory: Option<Memory>,
    /// Whether the attention weights are wanted.
    pub wants_weights: bool,
}

/// What cross-attention reads.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The encoder's output, `[batch, source, d_model]`.
    pub hidden: Tensor<3>,
    /// What is added to the scores, `[batch, heads, length, source]`.
    pub bias: AttentionBias,
}

/// What a block gives.
#[derive(Debug)]
pub struct BlockOutput {
    /// The new residual stream, `[batch, length, d_model]`.
    pub x: Tensor<3>,
    /// `[batch, heads, length, length]`, after the softmax; where weights are wanted.
    pub self_attention: Option<Tensor<4>>,
    /// `[batch, heads, length, source]`, after the softmax; where weights are wanted, none in an encoder.
    pub cross_attention: Option<Tensor<4>>,
}

impl BlockInput {
    /// The same numbers, without their history.
    pub(crate) fn without_history(&self) -> Self {
        let without = |tensor: &Tensor<3>| tensor.clone().set_require_grad(false);
        let without_bias =
            |bias: &AttentionBias| (bias.clone()).map_learned(|bias| bias.set_require_grad(false));
        Self {
            x: without(&self.x),
            bias: without_bias(&self.bias),
            memory: self.memory.as_ref().map(|memory| Memory {
                hidden: without(&memory.hidden),
                bias: without_bias(&memory.bias),
            }),
            wants_weights: self.wants_weights,
        }
    }
}

/// The input of a stack in the type that its blocks compute in.
pub fn in_type_of<B: Block>(blocks: &[B], x: Tensor<3>) -> Tensor<3> {
    match blocks.first() {
        Some(block) => x.cast(block.dtype()),
        None => x,
    }
}

/// How a stack runs its blocks.
#[derive(Debug)]
pub enum Pass<'a> {
    /// One after the other.
    Plain,
    /// What they did is kept for inspection.
    Traced(&'a mut Trace),
    /// For a training step whose backward pass the tape runs.
    Taped(&'a Tape),
}

impl<'a> From<Option<&'a mut Trace>> for Pass<'a> {
    fn from(trace: Option<&'a mut Trace>) -> Self {
        trace.map_or(Self::Plain, Self::Traced)
    }
}

impl<'a> From<Option<&'a Tape>> for Pass<'a> {
    fn from(tape: Option<&'a Tape>) -> Self {
        tape.map_or(Self::Plain, Self::Taped)
    }
}

impl Pass<'_> {
    /// Takes a tensor that blocks are about to read, possibly several of them; see
    /// [`Tape::share`].
    pub fn share<const D: usize>(&self, tensor: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Taped(tape) => tape.share(tensor),
            Self::Plain | Self::Traced(_) => tensor,
        }
    }

    /// [`Self::share`] for what is added to the scores.
    pub fn share_bias(&self, bias: AttentionBias) -> AttentionBias {
        bias.map_learned(|bias| self.share(bias))
    }

    /// Whether blocks are to give their attention weights.
    pub fn wants_weights(&self) -> bool {
        matches!(self, Self::Traced(_))
    }

    /// Runs a block and gives the new residual stream.
    pub fn run<B: Block>(&mut self, block: &B, input: BlockInput) -> Tensor<3> {
        match self {
            Self::Plain => {
                let device = input.x.device();
                on_worker(&device, || block.forward(input).x)
            }
            Self::Taped(tape) => tape.run(block, input),
            Self::Traced(trace) => {
                trace.hidden_states.push(input.x.clone());
                let output = block.forward(input);
                trace.self_attentions.extend(output.self_attention);
                trace.cross_attentions.extend(output.cross_attention);
                output.x
            }
        }
    }

    /// Notes what the stack gives.
    pub fn finish(self, x: &Tensor<3>) {
        if let Self::Traced(trace) = self {
            trace.hidden_states.push(x.clone());
        }
    }
}
