//! What a run measures, read back from the device only when a line is due.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use burn::tensor::Tensor;

use crate::error::unreadable;
use crate::evaluation::Evaluation;
use crate::metrics::{History, MetricsFile, StepMetrics};
use crate::run_folder::RunFolder;
use crate::task::Term;
use crate::{TrainingError, memory};

/// The metrics file, and the steps that are not in it yet.
pub(super) struct Log {
    file: MetricsFile,
    history: History,
    terms: Vec<Term>,
    pending: Vec<Pending>,
    num_tokens: u64,
    num_logged_tokens: u64,
    /// Of the steps since the last line.
    flops: f64,
    started: Instant,
    line_started: Instant,
    last_checkpoint: Option<PathBuf>,
}

/// A step whose values are still on the device.
struct Pending {
    step: usize,
    learning_rate: f64,
    /// The mean of each term and the gradient norm, `[terms + 1]`.
    measured: Tensor<1>,
}

impl Log {
    pub(super) fn start(folder: &RunFolder, terms: Vec<Term>) -> Result<Self, TrainingError> {
        Ok(Self {
            file: MetricsFile::create(&folder.metrics())?,
            history: History::default(),
            terms,
            pending: Vec::new(),
            num_tokens: 0,
            num_logged_tokens: 0,
            flops: 0.0,
            started: Instant::now(),
            line_started: Instant::now(),
            last_checkpoint: None,
        })
    }

    pub(super) fn into_history(self) -> History {
        self.history
    }

    pub(super) fn set_last_checkpoint(&mut self, checkpoint: PathBuf) {
        self.last_checkpoint = Some(checkpoint);
    }

    pub(super) fn count_tokens(&mut self, number: usize) {
        self.num_tokens += number as u64;
    }

    pub(super) fn count_flops(&mut self, number: f64) {
        self.flops += number;
    }

    /// Keeps a step's mean of each term and its gradient norm, `[terms + 1]`.
    pub(super) fn push(&mut self, step: usize, learning_rate: f64, measured: Tensor<1>) {
        self.pending.push(Pending {
            step,
            learning_rate,
            measured,
        });
    }

    pub(super) fn push_evaluation(
        &mut self,
        step: usize,
        evaluation: Evaluation,
    ) -> Result<(), TrainingError> {
        self.file.write_evaluation(step, &evaluation)?;
        self.history.evaluations.push((step, evaluation));
        Ok(())
    }

    /// Time that counts for no rate.
    pub(super) fn pause(&mut self, duration: Duration) {
        self.line_started += duration;
    }

    /// Reads back all steps since the last line, checks them and writes their means.
    ///
    /// # Errors
    /// A value is not finite, or the device or the file fails.
    pub(super) fn flush(&mut self, step: usize) -> Result<StepMetrics, TrainingError> {
        let learning_rate = self.pending.last().map_or(0.0, |step| step.learning_rate);
        let means = self.read_pending()?;
        let elapsed = self.line_started.elapsed().as_secs_f64().max(1e-9);
        let num_tokens = self.num_tokens - self.num_logged_tokens;
        self.num_logged_tokens = self.num_tokens;
        self.line_started = Instant::now();
        let named = || self.terms.iter().zip(&means);
        let metrics = StepMetrics {
            step,
            loss: named().map(|(term, mean)| term.factor * mean).sum(),
            gradient_norm: means.last().copied().unwrap_or(0.0),
            learning_rate,
            num_tokens: self.num_tokens,
            tokens_per_second: num_tokens as f64 / elapsed,
            flops_per_second: std::mem::take(&mut self.flops) / elapsed,
            memory_bytes: memory::resident_bytes(),
            num_skipped: 0,
            seconds: self.started.elapsed().as_secs_f64(),
            terms: named()
                .map(|(term, mean)| (term.name.to_owned(), *mean))
                .collect(),
        };
        self.file.write_step(&metrics)?;
        self.history.steps.push(metrics.clone());
        Ok(metrics)
    }

    /// The means over all pending steps, `terms + 1` of them, in one transfer.
    fn read_pending(&mut self) -> Result<Vec<f64>, TrainingError> {
        let pending = std::mem::take(&mut self.pending);
        let steps: Vec<usize> = pending.iter().map(|pending| pending.step).collect();
        let measured = pending.into_iter().map(|pending| pending.measured);
        let values: Vec<f32> = Tensor::cat(measured.collect(), 0)
            .try_into_vec_as()
            .map_err(unreadable)?;
        let width = self.terms.len() + 1;
        let mut means = vec![0.0; width];
        for (step, values) in steps.iter().zip(values.chunks(width)) {
            for (mean, value) in means.iter_mut().zip(values) {
                if !value.is_finite() {
                    return Err(self.diverged(*step, *value));
                }
                *mean += f64::from(*value) / steps.len() as f64;
            }
        }
        Ok(means)
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
