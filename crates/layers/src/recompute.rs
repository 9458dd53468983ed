//! Activation checkpointing: blocks that forget what they computed and compute it again.
//!
//! A block that is recomputed runs without recording, so that of all its activations only its
//! input and output remain. The backward pass goes through the blocks from the last to the first,
//! runs each again, now recording, and differentiates it from the gradient of its output (Chen et
//! al. 2016, "Training Deep Nets with Sublinear Memory Cost"). Memory for activations falls from
//! all blocks to one; the price is one more forward pass. [`crate::loss::States`] does the same with
//! logits, by chunks of rows.

use std::cell::{Cell, RefCell};
use std::fmt;

use burn::tensor::{Device, Gradients, Tensor};

use crate::block::{Block, BlockInput};

/// What the backward pass of one training step needs beside what Burn records.
///
/// Every block draws its dropout from a seed of its own, whether or not it is recomputed; so both
/// compute the same.
pub struct Tape {
    device: Device,
    seed: u64,
    recomputes: bool,
    num_blocks: Cell<u64>,
    segments: RefCell<Vec<Box<dyn Backward>>>,
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape")
            .field("recomputes", &self.recomputes)
            .field("num_segments", &self.segments.borrow().len())
            .finish()
    }
}

impl Tape {
    /// A fresh tape for a step on `device`, whose blocks draw from seeds derived from `seed`.
    /// Without `recompute`, or on a device without gradients, blocks keep their activations.
    pub fn new(device: &Device, seed: u64, recompute: bool) -> Self {
        Self {
            device: device.clone(),
            seed,
            recomputes: recompute && device.is_autodiff(),
            num_blocks: Cell::new(0),
            segments: RefCell::default(),
        }
    }

    /// The device of the step.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Takes a tensor that blocks are about to read, and gives the one to read instead. Its
    /// gradient is summed over all of them before it is passed on, once, to what the tensor was
    /// computed from.
    pub fn share<const D: usize>(&self, tensor: Tensor<D>) -> Tensor<D> {
        if !self.recomputes || !tensor.is_tracked() {
            return tensor;
        }
        self.forget(tensor.clone().detach(), move || tensor)
    }

    /// Runs a block. What it reads was given by [`Self::share`] or by this function.
    pub fn run<B: Block>(&self, block: &B, input: BlockInput) -> Tensor<3> {
        let seed = self.next_seed();
        self.device.seed(seed);
        if !self.recomputes {
            return block.forward(input).x;
        }
        let silent = block.clone().no_grad();
        let x = silent.forward(input.without_history()).x;
        let (block, device) = (block.clone(), self.device.clone());
        self.forget(x, move || {
            device.seed(seed);
            block.forward(input).x
        })
    }

    /// Whether what runs on it is computed again in the backward pass.
    pub(crate) fn recomputes(&self) -> bool {
        self.recomputes
    }

    /// Takes a result that was computed without recording, and gives the one to read instead.
    /// `compute` gives the same result once more, recorded, from what [`Self::share`] or this
    /// function gave.
    pub(crate) fn forget<const D: usize>(
        &self,
        result: Tensor<D>,
        compute: impl FnOnce() -> Tensor<D> + 'static,
    ) -> Tensor<D> {
        let leaf = result.require_grad();
        self.segments.borrow_mut().push(Box::new(Segment {
            leaf: leaf.clone(),
            gradient: None,
            compute: Box::new(compute),
        }));
        leaf
    }

    /// Differentiates `loss` `[1]`. Gradients come in several parts, each of which goes to
    /// `collect`; those of a parameter in different parts add up.
    pub fn backward(self, loss: Tensor<1>, mut collect: impl FnMut(Gradients)) {
        let mut segments = self.segments.into_inner();
        let mut root = Some(loss);
        while let Some(tensor) = root {
            let mut gradients = tensor.backward();
            for segment in &mut segments {
                segment.take_gradient(&mut gradients);
            }
            collect(gradients);
            root = std::iter::from_fn(|| segments.pop()).find_map(|segment| segment.replay());
        }
    }

    /// Blocks are numbered from one, so that none repeats what the step itself draws.
    fn next_seed(&self) -> u64 {
        let number = self.num_blocks.get() + 1;
        self.num_blocks.set(number);
        let golden_ratio = 0x9e37_79b9_7f4a_7c15_u64;
        self.seed.wrapping_add(number.wrapping_mul(golden_ratio))
    }
}

/// A part of the forward pass that the recorded graph does not hold.
struct Segment<const D: usize> {
    /// Stands for the result in what comes after.
    leaf: Tensor<D>,
    /// The sum of what was found so far.
    gradient: Option<Tensor<D>>,
    /// Gives the result with the history that the leaf lacks.
    compute: Box<dyn FnOnce() -> Tensor<D>>,
}

/// A [`Segment`] of any rank.
trait Backward {
    /// Adds what was found for the leaf.
    fn take_gradient(&mut self, gradients: &mut Gradients);

    /// A scalar whose gradients are those of the segment; `None` where there is nothing to pass on.
    fn replay(self: Box<Self>) -> Option<Tensor<1>>;
}

impl<const D: usize> Backward for Segment<D> {
    fn take_gradient(&mut self, gradients: &mut Gradients) {
        if let Some(gradient) = self.leaf.grad_remove(gradients) {
            self.gradient = Some(match self.gradient.take() {
                Some(sum) => sum + gradient,
                None => gradient,
            });
        }
    }

    fn replay(self: Box<Self>) -> Option<Tensor<1>> {
        let gradient = Tensor::from_inner(self.gradient?);
        // Of no use any more, and as large as what is about to be computed.
        drop(self.leaf);
        let result = (self.compute)();
        result.is_tracked().then(|| (result * gradient).sum())
    }
}
