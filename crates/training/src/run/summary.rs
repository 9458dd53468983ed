//! What a run has come to.

use std::path::PathBuf;

use crate::early_stopping;
use crate::evaluation::readable;
use crate::metrics::History;
use crate::recipe::Recipe;
use crate::run_folder::RunFolder;

/// What a run leaves behind.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// The recipe's name.
    pub name: String,
    /// The recipe as it was run.
    pub recipe: Recipe,
    /// The run's folder.
    pub folder: RunFolder,
    /// The last checkpoint.
    pub checkpoint: PathBuf,
    /// All that was measured.
    pub history: History,
    /// Parameters that were trained.
    pub num_parameters: usize,
    /// Steps that were done: fewer than planned after an interruption.
    pub num_steps: usize,
}

impl RunSummary {
    /// Whether every planned step was done, or all until the run stopped early, and the model scored after the last.
    pub fn is_complete(&self) -> bool {
        early_stopping::is_complete(&self.recipe, self.num_steps, &self.history)
    }

    /// Why the run ended before its last step, if it did of its own accord.
    pub fn early_stop(&self) -> Option<String> {
        let settings = (
            self.recipe.training.patience,
            &self.recipe.checkpoints.best_score,
        );
        let (Some(patience), Some(score)) = settings else {
            return None;
        };
        let is_early = self.num_steps < self.recipe.training.steps
            && early_stopping::is_due(&self.recipe, &self.history);
        is_early.then(|| format!("{} not bettered in {patience} evaluations", readable(score)))
    }
}
