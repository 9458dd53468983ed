//! `[checkpoints]`: which of them stay.

use serde::{Deserialize, Serialize};

use super::check::{count, refused};
use super::{Objective, Recipe, RecipeError};
use crate::checkpoint::Retention;
use crate::evaluation::is_higher_better;

/// `[checkpoints]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointSettings {
    /// So many of the newest stay.
    pub keep_last: usize,
    /// The one with the best of this held-out score stays too; absent for none.
    pub best_score: Option<String>,
}

impl Default for CheckpointSettings {
    fn default() -> Self {
        Self {
            keep_last: 3,
            best_score: None,
        }
    }
}

impl Recipe {
    /// Which checkpoints stay.
    pub fn retention(&self) -> Retention {
        let score = self.checkpoints.best_score.as_deref();
        let best = score.and_then(|score| Some((score.to_owned(), is_higher_better(score)?)));
        Retention {
            num_last: self.checkpoints.keep_last,
            best,
        }
    }

    /// Checks `[checkpoints]`: the score must be one that the objective gives.
    pub(super) fn check_checkpoints(&self) -> Result<(), RecipeError> {
        let settings = &self.checkpoints;
        count("checkpoints.keep_last", settings.keep_last, 1, 1 << 40)?;
        let scores: &[&str] = match self.data.objective {
            Objective::ReplacedTokenDetection => &[
                "detection_auc",
                "detection_loss",
                "detection_accuracy",
                "detection_precision",
                "detection_recall",
                "mlm_loss",
                "mlm_accuracy",
            ],
            Objective::SequenceClassification => {
                &["label_loss", "accuracy", "f1", "macro_f1", "matthews"]
            }
            Objective::Regression => &["label_loss", "pearson", "spearman"],
            Objective::TokenClassification => {
                &["label_loss", "f1", "precision", "recall", "accuracy"]
            }
            Objective::MultipleChoice => &["label_loss", "accuracy"],
            Objective::QuestionAnswering => &["label_loss", "f1", "exact_match", "exact"],
            Objective::TextToText => &["loss", "token_accuracy", "exact_match"],
            Objective::SpanCorruption
            | Objective::IidDenoising
            | Objective::PrefixLm
            | Objective::Deshuffling
            | Objective::MixtureOfDenoisers => &["loss", "token_accuracy"],
        };
        match &settings.best_score {
            Some(score) if !scores.contains(&score.as_str()) => Err(refused(
                "checkpoints.best_score",
                format!("`{score}`"),
                &format!("one of {}", scores.join(", ")),
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn load(preset: &str, score: &str) -> Result<Recipe, RecipeError> {
        let overrides = [format!("checkpoints.best_score={score}")];
        Recipe::load(preset, &overrides).map(|(_, recipe)| recipe)
    }

    #[test]
    fn what_is_best_follows_from_the_score() {
        let best = |preset, score| load(preset, score).unwrap().retention().best.unwrap().1;
        assert!(best("smoke_electra", "detection_auc"));
        assert!(!best("smoke_electra", "mlm_loss"));
        assert!(!best("smoke_t5", "loss"));
        assert!(best("smoke_t5", "exact_match"));
    }

    #[test]
    fn a_score_of_another_objective_is_refused_with_those_there_are() {
        for (preset, score) in [("smoke_t5", "detection_auc"), ("smoke_electra", "loss")] {
            let error = load(preset, score).unwrap_err().to_string();
            assert!(error.contains("`checkpoints.best_score`"), "{error}");
            assert!(error.contains("one of "), "{error}");
        }
    }
}
