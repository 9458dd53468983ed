use super::distribution::ranked_value;
use super::{LogitsProcessor, REMOVED, Step, for_each_row};

/// Keeps the best ids, and those that score as much as the last of them.
#[derive(Debug, Clone, PartialEq)]
pub struct TopK {
    /// How many.
    pub top_k: usize,
}

impl LogitsProcessor for TopK {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |_, row| {
            let last = ranked_value(row, self.top_k);
            for score in row {
                if *score < last {
                    *score = REMOVED;
                }
            }
        });
    }
}
