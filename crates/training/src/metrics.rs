//! `metrics.jsonl`: one JSON object per line, written through at once.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::TrainingError;
use crate::evaluation::Evaluation;

/// Means over the steps since the last line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepMetrics {
    /// The step, counted from one.
    pub step: usize,
    /// The whole loss.
    pub loss: f64,
    /// The terms of the loss before their coefficients.
    #[serde(flatten, serialize_with = "as_map")]
    pub terms: Vec<(&'static str, f64)>,
    /// Norm of all gradients before clipping.
    pub gradient_norm: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Real tokens since the start.
    pub num_tokens: u64,
    /// Real tokens per second of training since the last line, evaluations left out.
    pub tokens_per_second: f64,
    /// Seconds since the start.
    pub seconds: f64,
}

fn as_map<S: Serializer>(terms: &[(&str, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(terms.iter().map(|(name, value)| (name, value)))
}

/// All that was measured in a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Metrics of training, in the order of steps.
    pub steps: Vec<StepMetrics>,
    /// Evaluations with the step they were made after.
    pub evaluations: Vec<(usize, Evaluation)>,
}

impl History {
    /// The last evaluation.
    pub fn last_evaluation(&self) -> Option<&Evaluation> {
        self.evaluations.last().map(|(_, evaluation)| evaluation)
    }
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
