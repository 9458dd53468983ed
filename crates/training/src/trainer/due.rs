//! What is done after a step.

use crate::recipe::TrainingSettings;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) logs: bool,
    pub(super) evaluates: bool,
    pub(super) saves: bool,
    pub(super) ends: bool,
}

impl Due {
    /// After a step, counted from one. An interrupted run saves and ends, and leaves out what takes
    /// long.
    pub(super) fn after(step: usize, settings: &TrainingSettings, is_interrupted: bool) -> Self {
        let ends = step >= settings.steps;
        let evaluates = (ends || step.is_multiple_of(settings.evaluate_every)) && !is_interrupted;
        let saves = ends || step.is_multiple_of(settings.checkpoint_every);
        let is_line = step == 1 || step.is_multiple_of(settings.log_every);
        Self {
            logs: is_line || evaluates || saves || is_interrupted,
            evaluates,
            saves,
            ends,
        }
        .interrupted(is_interrupted)
    }

    /// The same when the run shall end here: with a checkpoint.
    pub(super) fn interrupted(self, is_interrupted: bool) -> Self {
        Self {
            saves: self.saves || is_interrupted,
            ends: self.ends || is_interrupted,
            ..self
        }
    }
}
