//! SQuAD v2.0: some questions have no answer.

use super::answer::{normalize_answer, words_f1};
use crate::evaluation::metrics::MetricError;

/// What a model says to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct SquadV2Answer {
    /// The answer; empty where the model says that there is none.
    pub prediction: String,
    /// The right answers; none where the question has no answer.
    pub references: Vec<String>,
    /// How likely the model thinks that there is no answer; 0 where it does not say. Any score that grows with it will do.
    pub no_answer_probability: f64,
}

/// Scores of the questions that have an answer, or of those that have none, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SquadV2Part {
    /// `exact`
    pub exact: f64,
    /// `f1`
    pub f1: f64,
    /// `total`: how many there are.
    pub total: usize,
}

/// Scores of SQuAD v2.0, in percent. What is "best" is so with the threshold that suits these questions best.
#[derive(Debug, Clone, PartialEq)]
pub struct SquadV2Scores {
    /// `exact`, `f1` and `total`: over all questions.
    pub all: SquadV2Part,
    /// `HasAns_*`: over those that have an answer.
    pub has_answer: Option<SquadV2Part>,
    /// `NoAns_*`: over those that have none.
    pub no_answer: Option<SquadV2Part>,
    /// `best_exact`
    pub best_exact: f64,
    /// `best_exact_thresh`
    pub best_exact_threshold: f64,
    /// `best_f1`
    pub best_f1: f64,
    /// `best_f1_thresh`
    pub best_f1_threshold: f64,
}

/// SQuAD v2.0 (`evaluate-v2.0.py`). Where `no_answer_probability` is above `threshold`, the answer counts as none; with
/// 1.0, the script's own, no answer does.
///
/// # Errors
/// There are no answers, or a probability is NaN.
pub fn squad_v2(answers: &[SquadV2Answer], threshold: f64) -> Result<SquadV2Scores, MetricError> {
    if answers.is_empty() {
        return Err(MetricError::TooFew {
            needed: 1,
            given: 0,
        });
    }
    let nan = answers
        .iter()
        .position(|answer| answer.no_answer_probability.is_nan());
    if let Some(index) = nan {
        return Err(MetricError::NotANumber { index });
    }
    let raw: Vec<_> = answers.iter().map(Question::new).collect();
    let decided: Vec<_> = raw
        .iter()
        .map(|question| question.decided(threshold))
        .collect();
    let [has_answer, no_answer] =
        [true, false].map(|wanted| part(decided.iter().filter(|q| q.has_answer == wanted)));
    let mut sorted = raw;
    sorted.sort_by(|left, right| left.probability.total_cmp(&right.probability));
    let (best_exact, best_exact_threshold) = best(&sorted, |question| question.exact);
    let (best_f1, best_f1_threshold) = best(&sorted, |question| question.f1);
    Ok(SquadV2Scores {
        all: part(decided.iter()).unwrap_or(SquadV2Part {
            exact: 0.0,
            f1: 0.0,
            total: 0,
        }),
        has_answer,
        no_answer,
        best_exact,
        best_exact_threshold,
        best_f1,
        best_f1_threshold,
    })
}

/// A question with the scores of its answer.
#[derive(Clone, Copy)]
struct Question {
    has_answer: bool,
    is_answered: bool,
    probability: f64,
    exact: f64,
    f1: f64,
}

impl Question {
    fn new(answer: &SquadV2Answer) -> Self {
        let prediction = normalize_answer(&answer.prediction);
        let references = answer.references.iter().map(|text| normalize_answer(text));
        let mut references: Vec<_> = references.filter(|text| !text.is_empty()).collect();
        if references.is_empty() {
            references.push(String::new());
        }
        let f1 = references.iter().map(|right| answer_f1(&prediction, right));
        Self {
            has_answer: !answer.references.is_empty(),
            is_answered: !answer.prediction.is_empty(),
            // Without the sign of zero.
            probability: answer.no_answer_probability + 0.0,
            exact: f64::from(u8::from(references.contains(&prediction))),
            f1: f1.fold(0.0, f64::max),
        }
    }

    /// The question with the scores it has where answers that are less likely count as none.
    fn decided(self, threshold: f64) -> Self {
        let score = f64::from(u8::from(!self.has_answer));
        if self.probability > threshold {
            Self {
                exact: score,
                f1: score,
                ..self
            }
        } else {
            self
        }
    }
}

/// Unlike in v1.1, two answers without words agree.
fn answer_f1(prediction: &str, right: &str) -> f64 {
    if prediction.is_empty() || right.is_empty() {
        return f64::from(u8::from(prediction == right));
    }
    words_f1(prediction, right)
}

/// The means over some questions, if there are any.
fn part<'a>(questions: impl Iterator<Item = &'a Question> + Clone) -> Option<SquadV2Part> {
    let total = questions.clone().count();
    let mean = |score: fn(&Question) -> f64| {
        100.0 * questions.clone().map(score).sum::<f64>() / total as f64
    };
    (total > 0).then(|| SquadV2Part {
        exact: mean(|question| question.exact),
        f1: mean(|question| question.f1),
        total,
    })
}

/// The best score that a threshold gives, and the threshold, over questions in the order of their probabilities. Each
/// question answered wins its score, or loses what silence would have won.
fn best(sorted: &[Question], score: fn(&Question) -> f64) -> (f64, f64) {
    let num_unanswerable = sorted
        .iter()
        .filter(|question| !question.has_answer)
        .count();
    let mut current = num_unanswerable as f64;
    let (mut best, mut threshold) = (current, 0.0);
    for question in sorted {
        current += match (question.has_answer, question.is_answered) {
            (true, _) => score(question),
            (false, true) => -1.0,
            (false, false) => 0.0,
        };
        if current > best {
            (best, threshold) = (current, question.probability);
        }
    }
    (100.0 * best / sorted.len() as f64, threshold)
}
