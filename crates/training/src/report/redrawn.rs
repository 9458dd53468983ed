//! The page of a run that goes on.

use std::path::Path;

use super::write;
use crate::evaluation::Evaluation;
use crate::metrics::{History, StepMetrics};
use crate::progress::Observer;
use crate::run::RunSummary;

/// Draws the report anew at each evaluation. A page that cannot be written does not end the run: the
/// next evaluation tries again, and who writes the last page hears why it fails.
pub(crate) struct RedrawnReport {
    run: RunSummary,
}

impl RedrawnReport {
    /// For a run that has not begun: its history is filled here.
    pub(crate) fn new(run: RunSummary) -> Self {
        Self { run }
    }
}

impl Observer for RedrawnReport {
    fn resumed(&mut self, step: usize, history: &History) {
        self.run.num_steps = step;
        self.run.history = history.clone();
    }

    fn stepped(&mut self, step: usize) {
        self.run.num_steps = step;
    }

    fn logged(&mut self, metrics: &StepMetrics) {
        self.run.history.steps.push(metrics.clone());
    }

    fn saved(&mut self, _step: usize, checkpoint: &Path) {
        self.run.checkpoint = checkpoint.to_owned();
    }

    fn evaluated(&mut self, step: usize, evaluation: &Evaluation) {
        let evaluations = &mut self.run.history.evaluations;
        evaluations.push((step, evaluation.clone()));
        let _ = write(&self.run.folder.report(), std::slice::from_ref(&self.run));
    }
}
