//! `[checkpoints]`: which of them stay.

use serde::{Deserialize, Serialize};

use super::check::{count, refused};
use super::{Objective, Recipe, RecipeError};
use crate::checkpoint::Retention;
use crate::evaluation::{ANSWER_SCORES, Question, answer_scores, is_higher_better};

/// Scores of target tokens.
const TOKEN_SCORES: &[&str] = &["loss", "token_accuracy"];

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
            Objective::TextToText => return self.check_answer_score(),
            Objective::SpanCorruption
            | Objective::IidDenoising
            | Objective::PrefixLm
            | Objective::Deshuffling
            | Objective::MixtureOfDenoisers => TOKEN_SCORES,
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

    /// Which scores there are depends on the tasks of the held-out questions.
    fn check_answer_score(&self) -> Result<(), RecipeError> {
        let Some(score) = &self.checkpoints.best_score else {
            return Ok(());
        };
        let (name, task) = score.split_once('.').unzip();
        let is_of_answers = ANSWER_SCORES.contains(&name.unwrap_or(score));
        let is_of_tokens = task.is_none() && TOKEN_SCORES.contains(&score.as_str());
        match is_of_answers || is_of_tokens {
            true => Ok(()),
            false => Err(refused(
                "checkpoints.best_score",
                format!("`{score}`"),
                &format!(
                    "one of {}, {}, and of one task as in `exact_match.TASK`",
                    TOKEN_SCORES.join(", "),
                    ANSWER_SCORES.join(", ")
                ),
            )),
        }
    }

    /// Checks that the best score is one that the answers to these questions have.
    ///
    /// # Errors
    /// It is none; the error names those there are.
    pub(crate) fn check_best_answer(&self, questions: &[Question]) -> Result<(), RecipeError> {
        let Some(score) = &self.checkpoints.best_score else {
            return Ok(());
        };
        let first = |question: &Question| question.targets.first().cloned().unwrap_or_default();
        let right: Vec<String> = questions.iter().map(first).collect();
        let scores = answer_scores(questions, &right, &self.evaluation.metrics);
        let scores = scores.iter().map(|(name, _)| name.as_str());
        let names: Vec<&str> = TOKEN_SCORES.iter().copied().chain(scores).collect();
        match names.contains(&score.as_str()) {
            true => Ok(()),
            false => Err(refused(
                "checkpoints.best_score",
                format!("`{score}`"),
                &format!(
                    "one of {}; evaluation.metrics adds others",
                    names.join(", ")
                ),
            )),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::evaluation::metrics::Metric;

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
        for (preset, score) in [
            ("smoke_t5", "detection_auc"),
            ("smoke_t5", "\"loss.plural\""),
            ("smoke_electra", "loss"),
            ("t5_tiny", "exact_match"),
        ] {
            let error = load(preset, score).unwrap_err().to_string();
            assert!(error.contains("`checkpoints.best_score`"), "{error}");
            assert!(error.contains("one of "), "{error}");
        }
    }

    #[test]
    fn scores_of_answers_must_be_those_of_the_questions() {
        let question = |task: &str, target: &str| Question {
            task: task.to_owned(),
            input: String::new(),
            targets: vec![target.to_owned()],
        };
        let questions = [question("cola", "acceptable"), question("", "so")];
        for (score, is_there) in [
            ("loss", true),
            ("exact_match", true),
            ("exact_match.cola", true),
            ("matthews.cola", true),
            ("matthews", false),
            ("matthews.sst2", false),
            ("bleu", false),
        ] {
            let recipe = load("smoke_t5", &format!("\"{score}\"")).unwrap();
            let checked = recipe.check_best_answer(&questions);
            assert_eq!(checked.is_ok(), is_there, "{score}: {checked:?}");
        }
        let mut recipe = load("smoke_t5", "bleu").unwrap();
        let error = recipe
            .check_best_answer(&questions)
            .unwrap_err()
            .to_string();
        assert!(error.contains("matthews.cola"), "{error}");
        recipe.evaluation.metrics = vec![Metric::Bleu];
        recipe.check_best_answer(&questions).unwrap();
    }
}
