//! Forward and backward over one micro-batch.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use burn_optim::GradientsParams;
use lamplight_layers::device::on_worker;
use lamplight_layers::precision::Precision;
use lamplight_layers::recompute::Tape;

use crate::TrainingError;
use crate::gradients;
use crate::task::Task;

/// How a term of a micro-batch's loss counts in the step's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factor {
    /// The micro-batch's share of the positions that the step's mean is over.
    pub share: f64,
    /// The coefficient of the term.
    pub coefficient: f64,
}

/// What a micro-step computes and how.
#[derive(Debug)]
pub struct MicroStep<'a, T> {
    /// Gives the terms of the loss.
    pub task: &'a T,
    /// The device, with gradients on.
    pub device: &'a Device,
    /// The type to compute in.
    pub precision: Precision,
    /// Whether activations are computed again instead of kept.
    pub recompute: bool,
    /// One per term of the task.
    pub factors: &'a [Factor],
    /// Decides dropout and samples.
    pub seed: u64,
}

/// What the micro-steps of a step add up to.
#[derive(Debug, Default)]
pub struct StepSums {
    /// Gradients of the loss, in f32, by the parameters of the master.
    pub gradients: GradientsParams,
    /// Each term of the loss before its coefficient, `[terms]`, without gradients.
    pub terms: Option<Tensor<1>>,
}

impl StepSums {
    /// What a step is judged by, on the device: the terms of the loss, and last the joint norm of the gradients of `master`.
    pub fn values<M: Module>(&self, master: &M) -> Tensor<1> {
        let norm = gradients::global_norm(master, &self.gradients);
        Tensor::cat(self.terms.iter().cloned().chain(norm).collect(), 0)
    }
}

impl<T: Task> MicroStep<'_, T> {
    /// Adds loss and gradients of a micro-batch to `sums`. `master` holds the parameters in f32.
    ///
    /// # Errors
    /// An id of the batch lies past the vocabulary.
    pub fn run(
        &self,
        master: &T::Model,
        batch: &T::Batch,
        sums: &mut StepSums,
    ) -> Result<(), TrainingError> {
        on_worker(self.device, || self.run_here(master, batch, sums))
    }

    fn run_here(
        &self,
        master: &T::Model,
        batch: &T::Batch,
        sums: &mut StepSums,
    ) -> Result<(), TrainingError> {
        self.device.seed(self.seed);
        let model = self.precision.compute_copy(master);
        let tape = Tape::new(self.device, self.seed, self.recompute);
        let means = self.task.losses(&model, batch, &tape)?;
        let (loss, terms) = self.weigh(means);
        let total = &mut sums.gradients;
        tape.backward(loss, |part| gradients::add(&model, part, total));
        sums.terms = Some(match sums.terms.take() {
            Some(sum) => sum + terms,
            None => terms,
        });
        Ok(())
    }

    /// The loss of the micro-batch as its part of the step's, and the parts of each term.
    fn weigh(&self, means: Vec<Tensor<1>>) -> (Tensor<1>, Tensor<1>) {
        let parts = means.into_iter().zip(self.factors);
        let parts: Vec<_> = parts
            .map(|(mean, factor)| (mean * factor.share, factor.coefficient))
            .collect();
        let terms = parts.iter().map(|(part, _)| part.clone().inner()).collect();
        let loss = parts
            .into_iter()
            .filter(|(_, coefficient)| *coefficient != 0.0)
            .map(|(part, coefficient)| part * coefficient);
        (Tensor::cat(loss.collect(), 0).sum(), Tensor::cat(terms, 0))
    }
}
