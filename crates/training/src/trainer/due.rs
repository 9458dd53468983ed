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
        let is_complete = step >= settings.steps;
        let ends = is_complete || is_interrupted;
        let evaluates =
            is_complete || (step.is_multiple_of(settings.evaluate_every) && !is_interrupted);
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
