//! A step from its batches to what it was measured to be.

use burn::tensor::Tensor;
use burn_optim::GradientsParams;
use lamplight_data::loader::Cursor;
use lamplight_kernels::readback::Readback;

use super::log::Measured;
use super::{RANK, Trainer};
use crate::error::unreadable;
use crate::gradients::ScaledGradients;
use crate::micro_step::{Factor, MicroStep, StepSums};
use crate::task::{Task, Term};
use crate::{TrainingError, seed};

/// What a step reads.
pub(super) struct Draw<B> {
    pub(super) micro_batches: Vec<B>,
    /// Where the data go on after it.
    pub(super) cursor: Cursor,
}

/// The gradients of a step, which the device may still be at work on.
pub(super) struct Computed {
    pub(super) gradients: GradientsParams,
    /// The terms of the loss and the norm of the gradients, on the device.
    pub(super) values: Tensor<1>,
    pub(super) reading: Reading,
}

/// A step that is not judged yet.
pub(super) struct Queued {
    /// Where the data go on after it.
    pub(super) cursor: Cursor,
    /// What it updates by, where that waits for the verdict; none where the update is queued as well.
    pub(super) withheld: Option<ScaledGradients>,
    pub(super) reading: Reading,
}

/// What a step was measured to be, part of which is on its way to the host.
pub(super) struct Reading {
    readback: Readback,
    measured: Measured,
}

impl Reading {
    /// Waits for the device to have computed the gradients.
    pub(super) fn finish(self) -> Result<Measured, TrainingError> {
        let mut values = self.readback.finish().map_err(unreadable)?;
        let mut measured = self.measured;
        measured.gradient_norm = values.pop().unwrap_or(f32::NAN);
        measured.losses = values;
        Ok(measured)
    }
}

impl<T: Task> Trainer<'_, T> {
    /// Queues the gradients of a step over all its micro-batches, and the transfer of what it was measured to be.
    pub(super) fn compute(
        &self,
        step: usize,
        model: &T::Model,
        micro_batches: &[T::Batch],
    ) -> Result<Computed, TrainingError> {
        let settings = &self.recipe.training;
        let mut sums = StepSums::default();
        let mut measured = Measured::default();
        let factors = self.factors(micro_batches);
        for (micro_step, (batch, factors)) in micro_batches.iter().zip(factors).enumerate() {
            let micro_step = MicroStep {
                task: self.task,
                device: &self.device,
                precision: settings.precision.unwrap_or_default(),
                recompute: settings.recompute,
                factors: &factors,
                seed: seed::for_step(settings.seed, step, micro_step, RANK),
            };
            micro_step.run(model, batch, &mut sums)?;
            measured.num_tokens += self.task.num_tokens(batch) as u64;
            measured.num_cells += self.task.num_cells(batch) as u64;
            measured.flops += self.task.flops(model, batch);
        }
        let values = sums.values(model);
        let readback = Readback::start(values.clone());
        Ok(Computed {
            gradients: sums.gradients,
            values,
            reading: Reading { readback, measured },
        })
    }

    /// For each micro-batch and term: its share of the step's positions, and the coefficient.
    fn factors(&self, micro_batches: &[T::Batch]) -> Vec<Vec<Factor>> {
        let weights: Vec<Vec<f64>> = micro_batches
            .iter()
            .map(|batch| self.task.weights(batch))
            .collect();
        let terms = self.task.terms();
        let total = |index: usize| -> f64 { weights.iter().map(|w| w[index]).sum() };
        let totals: Vec<f64> = (0..terms.len()).map(total).collect();
        let factor = |(index, term): (usize, &Term), weights: &[f64]| Factor {
            share: weights[index] / totals[index].max(f64::MIN_POSITIVE),
            coefficient: term.factor,
        };
        weights
            .iter()
            .map(|weights| {
                terms
                    .iter()
                    .enumerate()
                    .map(|term| factor(term, weights))
                    .collect()
            })
            .collect()
    }
}
