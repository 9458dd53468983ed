use super::distribution::{best_first, softmax, sum, visit_in_order};
use super::{LogitsProcessor, REMOVED, Step, for_each_row};

/// Keeps the fewest of the best ids that together have this probability (Holtzman et al. 2020); of
/// equal ones the earlier, which Hugging Face leaves open.
#[derive(Debug, Clone, PartialEq)]
pub struct TopP {
    /// From 0 to 1.
    pub top_p: f64,
    /// At least so many are kept.
    pub min_tokens_to_keep: usize,
}

impl LogitsProcessor for TopP {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        let removable = (1.0 - self.top_p) as f32;
        for_each_row(step, scores, |_, row| {
            let probabilities = softmax(row);
            let mut kept = Vec::new();
            let mut remaining = sum(&probabilities); // of this id and all worse ones
            visit_in_order(row.len(), best_first(row), |id| {
                let removes = remaining as f32 <= removable;
                if removes && kept.len() >= self.min_tokens_to_keep.max(1) {
                    return false;
                }
                kept.push((id, row[id]));
                remaining -= f64::from(probabilities[id]);
                true
            });
            row.fill(REMOVED);
            for (id, score) in kept {
                row[id] = score;
            }
        });
    }
}
