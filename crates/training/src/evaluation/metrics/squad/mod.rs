//! Answers to questions, as the official scripts of SQuAD v1.1 and v2.0 score them (Rajpurkar et al., 2016 and 2018).

mod answer;
mod version_2;

pub use answer::normalize_answer;
pub use version_2::{SquadV2Answer, SquadV2Part, SquadV2Scores, squad_v2};

use super::MetricError;
use super::error::check_references;
use answer::words_f1;

/// Scores of SQuAD v1.1, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SquadScores {
    /// Answers that equal one of the right ones, both normalised.
    pub exact_match: f64,
    /// F1 of the words that an answer shares with the nearest right one.
    pub f1: f64,
}

/// SQuAD v1.1 (`evaluate-v1.1.py`): for each question the best over its right answers, and the mean over questions. An
/// answer of which nothing is left by [`normalize_answer`] has no F1, even where it equals the right one.
///
/// # Errors
/// There are no predictions, not as many lists of answers, or an empty one.
pub fn squad(
    predictions: &[String],
    references: &[Vec<String>],
) -> Result<SquadScores, MetricError> {
    check_references(predictions, references)?;
    let (mut exact_match, mut f1) = (0.0, 0.0);
    for (prediction, answers) in predictions.iter().zip(references) {
        let prediction = normalize_answer(prediction);
        let answers: Vec<_> = answers
            .iter()
            .map(|answer| normalize_answer(answer))
            .collect();
        exact_match += f64::from(u8::from(answers.contains(&prediction)));
        let scores = answers.iter().map(|answer| words_f1(&prediction, answer));
        f1 += scores.fold(0.0, f64::max);
    }
    let total = predictions.len() as f64;
    Ok(SquadScores {
        exact_match: 100.0 * exact_match / total,
        f1: 100.0 * f1 / total,
    })
}
