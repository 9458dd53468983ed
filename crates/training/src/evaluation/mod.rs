//! Held-out scores, computed on the host.

mod answers;
mod detection;
mod free_answers;
pub mod metrics;
mod tokens;
mod verdicts;

pub use answers::{HeldOutQuestions, WindowScores};
pub use detection::{DetectionScores, GeneratorScores, area_under_curve, binary_entropy};
pub use free_answers::{ANSWER_SCORES, Question, answer_scores, scores_answers};
pub use tokens::TokenScores;
pub use verdicts::Verdicts;

use std::collections::BTreeMap;

use metrics::{Metric, Predictions};
use serde::{Serialize, Serializer};

/// Scores and a few examples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// Names and values, in the order of a report.
    pub scores: Vec<(String, f64)>,
    /// Examples for people.
    pub examples: Vec<Example>,
}

impl Evaluation {
    /// The score of this name.
    pub fn score(&self, name: &str) -> Option<f64> {
        let found = self.scores.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| *value)
    }

    /// The scores that are numbers.
    pub fn finite_scores(&self) -> BTreeMap<String, f64> {
        let scores = self.scores.iter();
        scores
            .filter(|(_, score)| score.is_finite())
            .cloned()
            .collect()
    }
}

/// A score's name as people read it: `exact_match.date` becomes "exact match: date".
pub fn readable(name: &str) -> String {
    name.replace('_', " ").replace('.', ": ")
}

/// Whether a higher value of the score of this name is the better one. None where neither is: such a
/// score describes the held-out texts or how they are judged, not how good the model is.
pub fn is_higher_better(name: &str) -> Option<bool> {
    if name.ends_with("entropy") || name.ends_with("_thresh") || name == "fake_rate" {
        None
    } else {
        Some(name != "loss" && !name.ends_with("_loss") && name != "perplexity")
    }
}

/// The scores of a metric, those left out that are not defined for these predictions.
fn defined(predictions: &Predictions<'_>, metric: Metric) -> Vec<(String, f64)> {
    let scores = predictions.scores(metric).unwrap_or_default();
    let finite = scores.into_iter().filter(|(_, score)| score.is_finite());
    finite.collect()
}

impl Serialize for Evaluation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.scores.iter().map(|(name, value)| (name, value)))
    }
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq)]
pub enum Example {
    /// A sentence in which the generator replaced tokens.
    Detection {
        /// Its tokens.
        tokens: Vec<DetectedToken>,
    },
    /// An answer beside the right one.
    Answer {
        /// The task.
        task: String,
        /// The input.
        input: String,
        /// The right answer.
        expected: String,
        /// What the model answered.
        predicted: String,
    },
}

impl Example {
    /// Whether it is a sentence with a replaced token.
    pub fn has_replacement(&self) -> bool {
        match self {
            Self::Detection { tokens } => tokens.iter().any(|token| token.original.is_some()),
            Self::Answer { .. } => false,
        }
    }
}

/// A token as the discriminator saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectedToken {
    /// The token without the mark of continuation.
    pub text: String,
    /// Whether it goes on the word before.
    pub continues_word: bool,
    /// The original token where it was replaced by another.
    pub original: Option<String>,
    /// How likely the discriminator thinks that it was replaced.
    pub probability: f32,
}

impl DetectedToken {
    /// Whether the discriminator says that it was replaced.
    pub fn is_suspected(&self) -> bool {
        self.probability > 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_better_follows_from_the_name() {
        assert_eq!(is_higher_better("f1"), Some(true));
        assert_eq!(is_higher_better("perplexity"), Some(false));
        assert_eq!(is_higher_better("detection_loss"), Some(false));
        assert_eq!(is_higher_better("best_f1_thresh"), None);
    }
}
