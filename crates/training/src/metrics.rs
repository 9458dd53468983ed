//! `metrics.jsonl`: one JSON object per line, written through at once, and read back by whoever goes
//! on with a run or looks at it.

mod history;
mod numbers;

pub use history::History;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use lamplight_data::atomic_file;
use serde::{Deserialize, Serialize};

use crate::TrainingError;
use crate::evaluation::Evaluation;

/// Means over the steps since the last line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StepMetrics {
    /// The step, counted from one.
    pub step: usize,
    /// The whole loss.
    #[serde(with = "numbers::number")]
    pub loss: f64,
    /// Norm of all gradients before clipping.
    #[serde(with = "numbers::number")]
    pub gradient_norm: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Real tokens since the start.
    pub num_tokens: u64,
    /// Real tokens per second of training since the last line, evaluations left out.
    pub tokens_per_second: f64,
    /// Floating-point operations of the model per second of training since the last line, by the
    /// rule of [`crate::flops`].
    #[serde(default)]
    pub flops_per_second: f64,
    /// What the process holds in the host's memory, where the system tells it.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Steps since the start whose update was left out because a loss or gradient was not finite.
    #[serde(default)]
    pub num_skipped: u64,
    /// Steps since the start whose gradient was clipped as a spike.
    #[serde(default)]
    pub num_spikes: u64,
    /// How often the run went back to a checkpoint.
    #[serde(default)]
    pub num_rollbacks: usize,
    /// Share of the time since the last line that was not spent in forward, backward and update:
    /// waiting for data, keeping metrics, telling people.
    #[serde(default)]
    pub overhead: f64,
    /// Share of the time since the last line that was spent waiting for batches; part of `overhead`.
    #[serde(default)]
    pub waiting: f64,
    /// Share of the cells of the batches since the last line that is padding.
    #[serde(default)]
    pub padding: f64,
    /// Seconds since the start.
    pub seconds: f64,
    /// The terms of the loss before their coefficients: every other key of the line.
    #[serde(flatten, with = "numbers::named")]
    pub terms: Vec<(String, f64)>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a> {
    Training(&'a StepMetrics),
    Evaluation {
        step: usize,
        #[serde(flatten)]
        scores: &'a Evaluation,
    },
}

/// The open file.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Creates the file.
    ///
    /// # Errors
    /// It exists already, or cannot be created.
    pub fn create(path: &Path) -> Result<Self, TrainingError> {
        let file = File::create_new(path).map_err(TrainingError::io("create", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Opens the file of a run that goes on after `step`, without the lines of later steps, and gives
    /// what it holds. The file is replaced as a whole or not at all; one that is missing is created.
    ///
    /// # Errors
    /// A line other than a half-written last one cannot be understood, or the file cannot be read
    /// or written.
    pub fn resume(path: &Path, step: usize) -> Result<(Self, History), TrainingError> {
        let (history, kept) = history::read_until(path, step)?;
        atomic_file::write(path, &kept)?;
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(TrainingError::io("open", path))?;
        let path = path.to_owned();
        Ok((Self { path, file }, history))
    }

    /// Adds a line of training.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_step(&mut self, metrics: &StepMetrics) -> Result<(), TrainingError> {
        self.write(&Line::Training(metrics))
    }

    /// Adds a line of evaluation.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_evaluation(
        &mut self,
        step: usize,
        scores: &Evaluation,
    ) -> Result<(), TrainingError> {
        self.write(&Line::Evaluation { step, scores })
    }

    fn write(&mut self, line: &Line<'_>) -> Result<(), TrainingError> {
        let failed = |source| TrainingError::Io {
            action: "write",
            path: self.path.clone(),
            source,
        };
        let mut text = serde_json::to_string(line).map_err(|error| failed(error.into()))?;
        text.push('\n');
        // One unbuffered write per line, so that a reader never sees half of one.
        self.file.write_all(text.as_bytes()).map_err(failed)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
