//! What is done after a step.

use crate::recipe::Recipe;

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
    pub(super) fn after(step: usize, recipe: &Recipe, is_interrupted: bool) -> Self {
        let settings = &recipe.training;
        let ends = step >= settings.steps;
        let evaluates = Self::evaluates_after(step, recipe) && !is_interrupted;
        // A checkpoint can only be the best if it has scores.
        let is_scored = evaluates && recipe.checkpoints.best_score.is_some();
        let saves = ends || step.is_multiple_of(settings.checkpoint_every) || is_scored;
        let is_line = step == 1 || step.is_multiple_of(settings.log_every);
        Self {
            logs: is_line || evaluates || saves || is_interrupted,
            evaluates,
            saves,
            ends,
        }
        .ending(is_interrupted)
    }

    /// Whether the model is scored after this step, if there is time.
    pub(super) fn evaluates_after(step: usize, recipe: &Recipe) -> bool {
        let settings = &recipe.training;
        step >= settings.steps || step.is_multiple_of(settings.evaluate_every)
    }

    /// The same when the run shall end here: with a checkpoint.
    pub(super) fn ending(self, ends: bool) -> Self {
        Self {
            saves: self.saves || ends,
            ends: self.ends || ends,
            ..self
        }
    }
}
