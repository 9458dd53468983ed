use super::distribution::{entropy, log_softmax, ranked_value, softmax};
use super::{LogitsProcessor, REMOVED, Step, for_each_row};

/// Keeps ids of at least this probability (Hewitt et al. 2022).
#[derive(Debug, Clone, PartialEq)]
pub struct Epsilon {
    /// The probability, between 0 and 1.
    pub epsilon: f64,
    /// At least so many are kept.
    pub min_tokens_to_keep: usize,
}

impl LogitsProcessor for Epsilon {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |_, row| {
            cut(row, self.epsilon as f32, self.min_tokens_to_keep);
        });
    }
}

/// Keeps ids of at least the probability `min(epsilon, sqrt(epsilon) e^-entropy)` (Hewitt et al.
/// 2022).
#[derive(Debug, Clone, PartialEq)]
pub struct Eta {
    /// The largest bound, between 0 and 1.
    pub epsilon: f64,
    /// At least so many are kept.
    pub min_tokens_to_keep: usize,
}

impl LogitsProcessor for Eta {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        let epsilon = self.epsilon as f32;
        for_each_row(step, scores, |_, row| {
            let mut logs = row.to_vec();
            log_softmax(&mut logs);
            let by_entropy = epsilon.sqrt() * (-entropy(&logs) as f32).exp();
            cut(row, epsilon.min(by_entropy), self.min_tokens_to_keep);
        });
    }
}

/// Removes ids of a probability below `least` that score less than the last of the best
/// `min_tokens_to_keep`.
fn cut(row: &mut [f32], least: f32, min_tokens_to_keep: usize) {
    let last = ranked_value(row, min_tokens_to_keep);
    let probabilities = softmax(row);
    for (score, probability) in row.iter_mut().zip(probabilities) {
        if probability < least && *score < last {
            *score = REMOVED;
        }
    }
}
