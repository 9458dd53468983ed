use super::distribution::{best_first, softmax, visit_in_order};
use super::{LogitsProcessor, REMOVED, Step, for_each_row};

/// Keeps ids of at least this share of the best one's probability.
#[derive(Debug, Clone, PartialEq)]
pub struct MinP {
    /// From 0 to 1.
    pub min_p: f64,
    /// At least so many are kept.
    pub min_tokens_to_keep: usize,
}

impl LogitsProcessor for MinP {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |_, row| {
            let probabilities = softmax(row);
            let best = probabilities.iter().copied().fold(0.0, f32::max);
            let least = self.min_p as f32 * best;
            let mut kept = Vec::new();
            visit_in_order(row.len(), best_first(row), |id| {
                kept.push((id, row[id]));
                kept.len() < self.min_tokens_to_keep
            });
            for (score, probability) in row.iter_mut().zip(probabilities) {
                if probability < least {
                    *score = REMOVED;
                }
            }
            for (id, score) in kept {
                row[id] = score;
            }
        });
    }
}
