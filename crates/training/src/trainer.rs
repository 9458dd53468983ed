//! The loop over steps.

mod log;

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use burn_optim::{GradientsAccumulator, ModuleOptimizer};
use lamplight_data::DataError;

use crate::TrainingError;
use crate::gradients::{clip_global_norm, global_norm};
use crate::metrics::History;
use crate::micro_step::{Factor, MicroStep, MicroStepOutput};
use crate::progress::Observer;
use crate::recipe::TrainingSettings;
use crate::run_folder::RunFolder;
use crate::schedule::Schedule;
use crate::seed;
use crate::task::{Task, Term};
use log::Log;

/// A run that is ready to start.
pub struct Trainer<'a, T: Task> {
    /// What a step computes.
    pub task: &'a T,
    /// How long, and what is written when.
    pub settings: &'a TrainingSettings,
    /// The learning rate over the steps.
    pub schedule: Schedule,
    /// The update rule with its state.
    pub optimizer: ModuleOptimizer,
    /// The device, with gradients on.
    pub device: Device,
    /// Where everything is written.
    pub folder: &'a RunFolder,
}

/// How a run ended.
pub struct Outcome<M> {
    /// The trained model.
    pub model: M,
    /// All that was measured.
    pub history: History,
    /// The last checkpoint.
    pub checkpoint: PathBuf,
    /// Steps that were done: fewer than planned after an interruption.
    pub num_steps: usize,
}

impl<T: Task> Trainer<'_, T> {
    /// Trains on the batches, which must not end before the last step.
    ///
    /// # Errors
    /// A batch cannot be made or holds an id past the vocabulary, the loss is no longer finite, or
    /// something cannot be written. Checkpoints written before stay.
    pub fn run(
        mut self,
        mut model: T::Model,
        mut batches: impl Iterator<Item = Result<T::Batch, DataError>>,
        observer: &mut dyn Observer,
    ) -> Result<Outcome<T::Model>, TrainingError> {
        let mut log = Log::start(self.folder, self.task.terms())?;
        let mut num_steps = 0;
        for step in 1..=self.settings.steps {
            let micro_batches = (batches.by_ref().take(self.settings.accumulation))
                .collect::<Result<Vec<_>, _>>()?;
            model = self.step(step - 1, model, &micro_batches, &mut log)?;
            num_steps = step;
            observer.stepped(step);
            let due = Due::after(step, self.settings, observer.is_interrupted());
            if due.logs {
                // Before anything is saved, so that no checkpoint holds a model that diverged.
                observer.logged(&log.flush(step)?);
            }
            if due.evaluates {
                self.evaluate(step, &model, &mut log, observer)?;
            }
            if due.saves {
                self.save(step, &model, &mut log, observer)?;
            }
            if due.ends {
                break;
            }
        }
        Ok(Outcome {
            model,
            history: log.into_history(),
            checkpoint: self.folder.checkpoint(num_steps),
            num_steps,
        })
    }

    fn evaluate(
        &self,
        step: usize,
        model: &T::Model,
        log: &mut Log,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainingError> {
        let paused = Instant::now();
        observer.evaluating(step);
        self.device.seed(seed::for_evaluation(self.settings.seed));
        let device = self.device.clone().inner();
        let evaluation = self.task.evaluate(&model.valid(), &device)?;
        observer.evaluated(step, &evaluation);
        log.push_evaluation(step, evaluation)?;
        log.pause(paused.elapsed());
        Ok(())
    }

    fn save(
        &self,
        step: usize,
        model: &T::Model,
        log: &mut Log,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainingError> {
        let paused = Instant::now();
        let write = |folder: &Path| self.task.save(model, folder);
        let checkpoint = self.folder.save_checkpoint(step, write)?;
        observer.saved(step, &checkpoint);
        log.set_last_checkpoint(checkpoint);
        log.pause(paused.elapsed());
        Ok(())
    }

    /// One optimizer step, over the gradients of all micro-batches.
    fn step(
        &mut self,
        step: usize,
        model: T::Model,
        micro_batches: &[T::Batch],
        log: &mut Log,
    ) -> Result<T::Model, TrainingError> {
        let factors = self.factors(micro_batches);
        let mut accumulator = GradientsAccumulator::new();
        let mut means: Option<Tensor<1>> = None;
        for (micro_step, (batch, factors)) in micro_batches.iter().zip(factors).enumerate() {
            let MicroStepOutput { gradients, terms } = MicroStep {
                task: self.task,
                device: &self.device,
                precision: self.settings.precision,
                recompute: self.settings.recompute,
                factors: &factors,
                seed: seed::for_step(self.settings.seed, step, micro_step),
            }
            .run(&model, batch)?;
            accumulator.accumulate(&model, gradients);
            means = Some(match means {
                Some(means) => means + terms,
                None => terms,
            });
            log.count_tokens(self.task.num_tokens(batch));
        }
        let gradients = accumulator.grads();
        let (gradients, norm) = match self.settings.clip_norm {
            Some(limit) => clip_global_norm(&model, gradients, limit),
            None => {
                let norm = global_norm(&model, &gradients);
                (gradients, norm)
            }
        };
        let learning_rate = self.schedule.at(step);
        let model = self.optimizer.step(learning_rate, model, gradients);
        let norm = norm.unwrap_or_else(|| Tensor::zeros([1], &self.device.clone().inner()));
        if let Some(means) = means {
            log.push(step + 1, learning_rate, Tensor::cat(vec![means, norm], 0));
        }
        Ok(model)
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

/// What is done after a step.
struct Due {
    logs: bool,
    evaluates: bool,
    saves: bool,
    ends: bool,
}

impl Due {
    fn after(step: usize, settings: &TrainingSettings, is_interrupted: bool) -> Self {
        let is_complete = step == settings.steps;
        let ends = is_complete || is_interrupted;
        let evaluates = is_complete || step.is_multiple_of(settings.evaluate_every);
        let saves = ends || step.is_multiple_of(settings.checkpoint_every);
        let is_line = step == 1 || step.is_multiple_of(settings.log_every);
        Self {
            logs: is_line || evaluates || saves,
            evaluates,
            saves,
            ends,
        }
    }
}
