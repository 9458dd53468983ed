//! What a run measures, summed up until a line is due.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::checkpoint::Position;
use crate::evaluation::Evaluation;
use crate::metrics::{History, MetricsFile, StepMetrics};
use crate::run_folder::RunFolder;
use crate::task::Term;
use crate::{TrainingError, memory};

/// What a step was measured to be.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Measured {
    /// The mean of each term.
    pub(super) losses: Vec<f32>,
    /// Norm of all gradients before clipping.
    pub(super) gradient_norm: f32,
    /// Real tokens.
    pub(super) num_tokens: u64,
    /// Cells of the batches, padding included.
    pub(super) num_cells: u64,
    /// Floating-point operations of the model.
    pub(super) flops: f64,
}

/// The metrics file, and the steps that are not in it yet.
pub(super) struct Log {
    path: PathBuf,
    file: MetricsFile,
    history: History,
    terms: Vec<Term>,
    line: Line,
    seconds_before: f64,
    started: Instant,
}

/// Sums over the steps since the last line.
struct Line {
    num_steps: usize,
    losses: Vec<f64>,
    gradient_norm: f64,
    learning_rate: f64,
    num_tokens: u64,
    num_cells: u64,
    flops: f64,
    /// For batches.
    waiting: Duration,
    /// In forward, backward and update.
    computing: Duration,
    started: Instant,
}

impl Line {
    fn new(num_terms: usize) -> Self {
        Self {
            num_steps: 0,
            losses: vec![0.0; num_terms],
            gradient_norm: 0.0,
            learning_rate: 0.0,
            num_tokens: 0,
            num_cells: 0,
            flops: 0.0,
            waiting: Duration::ZERO,
            computing: Duration::ZERO,
            started: Instant::now(),
        }
    }
}

impl Log {
    /// A log that goes on behind the lines up to this position; those behind it are dropped.
    pub(super) fn start(
        folder: &RunFolder,
        terms: Vec<Term>,
        position: &Position,
    ) -> Result<Self, TrainingError> {
        let path = folder.metrics();
        let (file, history) = MetricsFile::resume(&path, position.step)?;
        Ok(Self {
            path,
            file,
            history,
            line: Line::new(terms.len()),
            terms,
            seconds_before: position.seconds,
            started: Instant::now(),
        })
    }

    /// Forgets what was measured after this position.
    pub(super) fn rewind(&mut self, position: &Position) -> Result<(), TrainingError> {
        let evaluations = std::mem::take(&mut self.history.evaluations);
        (self.file, self.history) = MetricsFile::resume(&self.path, position.step)?;
        // Those of the file have no examples.
        self.history.evaluations = evaluations;
        (self.history.evaluations).retain(|(step, _)| *step <= position.step);
        self.line = Line::new(self.terms.len());
        Ok(())
    }

    pub(super) fn history(&self) -> &History {
        &self.history
    }

    pub(super) fn into_history(self) -> History {
        self.history
    }

    /// Seconds of training, over all starts.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// Adds a step.
    pub(super) fn push(&mut self, measured: &Measured, learning_rate: f64) {
        let line = &mut self.line;
        line.num_steps += 1;
        for (sum, loss) in line.losses.iter_mut().zip(&measured.losses) {
            *sum += f64::from(*loss);
        }
        line.gradient_norm += f64::from(measured.gradient_norm);
        line.learning_rate = learning_rate;
        line.num_tokens += measured.num_tokens;
        line.num_cells += measured.num_cells;
        line.flops += measured.flops;
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

    /// Adds time that was spent waiting for batches.
    pub(super) fn waited(&mut self, duration: Duration) {
        self.line.waiting += duration;
    }

    /// Adds time that was spent on steps: queueing their work, and waiting for it.
    pub(super) fn computed(&mut self, duration: Duration) {
        self.line.computing += duration;
    }

    /// Time that counts for no rate.
    pub(super) fn pause(&mut self, duration: Duration) {
        self.line.started += duration;
    }

    /// Writes the means of all steps since the last line; nothing if each of them was skipped.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn flush(
        &mut self,
        position: &Position,
    ) -> Result<Option<StepMetrics>, TrainingError> {
        let line = std::mem::replace(&mut self.line, Line::new(self.terms.len()));
        if line.num_steps == 0 {
            return Ok(None);
        }
        let mean = |sum: f64| sum / line.num_steps as f64;
        let elapsed = line.started.elapsed().as_secs_f64().max(1e-9);
        let named = || self.terms.iter().zip(&line.losses);
        let metrics = StepMetrics {
            step: position.step,
            loss: named().map(|(term, sum)| term.factor * mean(*sum)).sum(),
            gradient_norm: mean(line.gradient_norm),
            learning_rate: line.learning_rate,
            num_tokens: position.num_tokens,
            tokens_per_second: line.num_tokens as f64 / elapsed,
            flops_per_second: line.flops / elapsed,
            overhead: 1.0 - line.computing.as_secs_f64() / elapsed,
            waiting: line.waiting.as_secs_f64() / elapsed,
            padding: 1.0 - line.num_tokens as f64 / line.num_cells.max(1) as f64,
            memory_bytes: memory::resident_bytes(),
            num_skipped: position.stability.num_skipped,
            num_spikes: position.stability.num_spikes,
            num_rollbacks: position.stability.num_rollbacks,
            seconds: self.seconds(),
            terms: named()
                .map(|(term, sum)| (term.name.to_owned(), mean(*sum)))
                .collect(),
        };
        self.file.write_step(&metrics)?;
        self.history.steps.push(metrics.clone());
        Ok(Some(metrics))
    }
}
