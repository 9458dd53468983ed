//! The loop over steps.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use burn_optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use lamplight_data::DataError;

use crate::TrainingError;
use crate::error::unreadable;
use crate::gradients::{clip_global_norm, global_norm};
use crate::metrics::{History, MetricsFile, StepMetrics};
use crate::progress::Observer;
use crate::recipe::TrainingSettings;
use crate::run_folder::RunFolder;
use crate::schedule::Schedule;
use crate::seed;
use crate::task::{Task, Term};

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
        let mut history = History::default();
        for step in 1..=self.settings.steps {
            let micro_batches = (batches.by_ref().take(self.settings.accumulation))
                .collect::<Result<Vec<_>, _>>()?;
            model = self.step(step - 1, model, &micro_batches, &mut log)?;
            observer.stepped(step);

            let is_complete = step == self.settings.steps;
            let is_last = is_complete || observer.is_interrupted();
            let is_due = |every: usize| step.is_multiple_of(every);
            let saves = is_last || is_due(self.settings.checkpoint_every);
            let evaluates = is_complete || is_due(self.settings.evaluate_every);
            if step == 1 || saves || evaluates || is_due(self.settings.log_every) {
                // Before anything is saved, so that no checkpoint holds a model that diverged.
                let metrics = log.flush(step)?;
                observer.logged(&metrics);
                history.steps.push(metrics);
            }
            if evaluates {
                let paused = Instant::now();
                observer.evaluating(step);
                self.device.seed(seed::for_evaluation(self.settings.seed));
                let evaluation = self.task.evaluate(&model.valid(), &self.device.clone().inner())?;
                log.file.write_evaluation(step, &evaluation)?;
                observer.evaluated(step, &evaluation);
                history.evaluations.push((step, evaluation));
                log.pause(paused.elapsed());
            }
            if saves {
                let paused = Instant::now();
                let checkpoint = self.save(step, &model)?;
                observer.saved(step, &checkpoint);
                log.last_checkpoint = Some(checkpoint.clone());
                log.pause(paused.elapsed());
                if is_last {
                    return Ok(Outcome {
                        model,
                        history,
                        checkpoint,
                        num_steps: step,
                    });
                }
            }
        }
        // Only a recipe of no steps comes here, and its check refuses that.
        let checkpoint = self.save(0, &model)?;
        Ok(Outcome {
            model,
            history,
            checkpoint,
            num_steps: 0,
        })
    }

    fn save(&self, step: usize, model: &T::Model) -> Result<PathBuf, TrainingError> {
        let write = |folder: &Path| self.task.save(model, folder);
        self.folder.save_checkpoint(step, write)
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
            self.device
                .seed(seed::for_step(self.settings.seed, step, micro_step));
            let losses = self.task.losses(&model, batch, &self.device)?;
            let (loss, shares) = weigh(losses, &factors);
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            accumulator.accumulate(&model, gradients);
            means = Some(match means {
                Some(means) => means + shares,
                None => shares,
            });
            log.num_tokens += self.task.num_tokens(batch) as u64;
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
            .map(|weights| terms.iter().enumerate().map(|term| factor(term, weights)).collect())
            .collect()
    }
}

#[derive(Debug, Clone, Copy)]
struct Factor {
    share: f64,
    coefficient: f64,
}

/// The loss of a micro-batch as its part of the step's, and the parts of each term, detached.
fn weigh(losses: Vec<Tensor<1>>, factors: &[Factor]) -> (Tensor<1>, Tensor<1>) {
    let shares: Vec<Tensor<1>> = losses
        .into_iter()
        .zip(factors)
        .map(|(mean, factor)| mean * factor.share)
        .collect();
    let detached = shares.iter().map(|share| share.clone().inner()).collect();
    let loss = shares
        .into_iter()
        .zip(factors)
        .filter(|(_, factor)| factor.coefficient != 0.0)
        .map(|(share, factor)| share * factor.coefficient);
    (Tensor::cat(loss.collect(), 0).sum(), Tensor::cat(detached, 0))
}

/// Collects what is measured on the device and reads it back at once when a line is due.
struct Log {
    file: MetricsFile,
    terms: Vec<Term>,
    pending: Vec<(usize, f64, Tensor<1>)>,
    num_tokens: u64,
    num_logged_tokens: u64,
    started: Instant,
    line_started: Instant,
    last_checkpoint: Option<PathBuf>,
}

impl Log {
    fn start(folder: &RunFolder, terms: Vec<Term>) -> Result<Self, TrainingError> {
        Ok(Self {
            file: MetricsFile::create(&folder.metrics())?,
            terms,
            pending: Vec::new(),
            num_tokens: 0,
            num_logged_tokens: 0,
            started: Instant::now(),
            line_started: Instant::now(),
            last_checkpoint: None,
        })
    }

    /// Keeps a step's means of all terms and its gradient norm, `[terms + 1]`.
    fn push(&mut self, step: usize, learning_rate: f64, measured: Tensor<1>) {
        self.pending.push((step, learning_rate, measured));
    }

    /// Time that counts for no rate.
    fn pause(&mut self, duration: Duration) {
        self.line_started += duration;
    }

    /// Reads back all steps since the last line, checks them and writes their means.
    fn flush(&mut self, step: usize) -> Result<StepMetrics, TrainingError> {
        let pending = std::mem::take(&mut self.pending);
        let width = self.terms.len() + 1;
        let learning_rate = pending.last().map_or(0.0, |(_, rate, _)| *rate);
        let steps: Vec<usize> = pending.iter().map(|(step, _, _)| *step).collect();
        let measured = pending.into_iter().map(|(_, _, measured)| measured).collect();
        let values: Vec<f32> = Tensor::cat(measured, 0)
            .try_into_vec_as()
            .map_err(unreadable)?;
        let mut sums = vec![0.0; width];
        for (step, values) in steps.iter().zip(values.chunks(width)) {
            for (sum, value) in sums.iter_mut().zip(values) {
                if !value.is_finite() {
                    return Err(self.diverged(*step, *value));
                }
                *sum += f64::from(*value) / steps.len() as f64;
            }
        }
        let elapsed = self.line_started.elapsed().as_secs_f64();
        let num_tokens = self.num_tokens - self.num_logged_tokens;
        self.num_logged_tokens = self.num_tokens;
        self.line_started = Instant::now();
        let terms: Vec<(&str, f64)> = (self.terms.iter().zip(&sums))
            .map(|(term, value)| (term.name, *value))
            .collect();
        let metrics = StepMetrics {
            step,
            loss: (self.terms.iter().zip(&sums)).map(|(term, value)| term.factor * value).sum(),
            terms,
            gradient_norm: sums.last().copied().unwrap_or(0.0),
            learning_rate,
            num_tokens: self.num_tokens,
            tokens_per_second: num_tokens as f64 / elapsed.max(1e-9),
            seconds: self.started.elapsed().as_secs_f64(),
        };
        self.file.write_step(&metrics)?;
        Ok(metrics)
    }

    fn diverged(&self, step: usize, loss: f32) -> TrainingError {
        TrainingError::NonFiniteLoss {
            step,
            loss,
            last_checkpoint: match &self.last_checkpoint {
                Some(path) => format!("the last checkpoint is {}", path.display()),
                None => "no checkpoint was written yet".to_owned(),
            },
        }
    }
}
