//! Precision, recall and F1 from counts.

/// How much of what was predicted is right, how much of what is right was predicted, and the harmonic mean of both.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct F1Score {
    /// Share of the predicted that is right; 0 where nothing was predicted.
    pub precision: f64,
    /// Share of the right that was predicted; 0 where there was nothing to predict.
    pub recall: f64,
    /// Harmonic mean of precision and recall; 0 where both are.
    pub f1: f64,
}

impl F1Score {
    pub(super) fn new(num_right: usize, num_predicted: usize, num_references: usize) -> Self {
        let share = |of: usize| num_right as f64 / of.max(1) as f64;
        let (precision, recall) = (share(num_predicted), share(num_references));
        let f1 = if num_right == 0 {
            0.0
        } else {
            2.0 * precision * recall / (precision + recall)
        };
        Self {
            precision,
            recall,
            f1,
        }
    }

    /// The mean of each number; zeros of none.
    pub(super) fn mean(scores: impl ExactSizeIterator<Item = Self>) -> Self {
        let total = scores.len().max(1) as f64;
        let sum = scores.fold(Self::default(), |sum, score| Self {
            precision: sum.precision + score.precision,
            recall: sum.recall + score.recall,
            f1: sum.f1 + score.f1,
        });
        Self {
            precision: sum.precision / total,
            recall: sum.recall / total,
            f1: sum.f1 / total,
        }
    }
}
