//! What a run measured, read back from its file.

use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use super::{StepMetrics, numbers};
use crate::TrainingError;
use crate::evaluation::Evaluation;

/// All that was measured in a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Metrics of training, in the order of steps.
    pub steps: Vec<StepMetrics>,
    /// Evaluations with the step they were made after.
    pub evaluations: Vec<(usize, Evaluation)>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Training(StepMetrics),
    Evaluation {
        step: usize,
        #[serde(flatten, with = "numbers::named")]
        scores: Vec<(String, f64)>,
    },
}

impl Line {
    fn step(&self) -> usize {
        match self {
            Self::Training(metrics) => metrics.step,
            Self::Evaluation { step, .. } => *step,
        }
    }
}

impl History {
    /// Reads a `metrics.jsonl`. A last line that is only half written counts as not there.
    /// Examples are not kept in the file, so the evaluations have none.
    ///
    /// # Errors
    /// The file cannot be read, or another line cannot be understood.
    pub fn read(path: &Path) -> Result<Self, TrainingError> {
        let bytes = std::fs::read(path).map_err(TrainingError::io("read", path))?;
        Ok(parse(path, &bytes, usize::MAX)?.0)
    }

    /// The most memory that the process held after any step, where that is known.
    pub fn most_memory_bytes(&self) -> Option<u64> {
        self.steps.iter().filter_map(|step| step.memory_bytes).max()
    }

    /// The last evaluation.
    pub fn last_evaluation(&self) -> Option<&Evaluation> {
        self.evaluations.last().map(|(_, evaluation)| evaluation)
    }

    fn push(&mut self, line: Line) {
        match line {
            Line::Training(metrics) => self.steps.push(metrics),
            Line::Evaluation { step, scores } => {
                let examples = Vec::new();
                let evaluation = Evaluation { scores, examples };
                self.evaluations.push((step, evaluation));
            }
        }
    }
}

/// What was measured up to `step`, and the lines that say so; nothing where there is no file.
pub(super) fn read_until(path: &Path, step: usize) -> Result<(History, Vec<u8>), TrainingError> {
    match std::fs::read(path) {
        Ok(bytes) => parse(path, &bytes, step),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Default::default()),
        Err(error) => Err(TrainingError::io("read", path)(error)),
    }
}

fn parse(path: &Path, bytes: &[u8], last_step: usize) -> Result<(History, Vec<u8>), TrainingError> {
    let mut history = History::default();
    let mut kept = Vec::with_capacity(bytes.len());
    for (index, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let is_whole = text.ends_with(b"\n");
        match serde_json::from_slice::<Line>(text) {
            Ok(line) if line.step() <= last_step => {
                history.push(line);
                kept.extend_from_slice(text);
                if !is_whole {
                    kept.push(b'\n');
                }
            }
            Ok(_) => {}
            Err(_) if !is_whole => {}
            Err(source) => {
                return Err(TrainingError::Metrics {
                    path: path.to_owned(),
                    line: index + 1,
                    source,
                });
            }
        }
    }
    Ok((history, kept))
}
