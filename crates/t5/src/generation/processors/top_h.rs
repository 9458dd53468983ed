use super::distribution::{best_first, entropy, entropy_term, log_softmax, visit_in_order};
use super::{LogitsProcessor, REMOVED, Step, for_each_row};

/// Only so many of the best ids are looked at.
const CANDIDATES: usize = 100;

/// Keeps the best ids as long as their share of the entropy of the best hundred is small enough;
/// the best in any case.
#[derive(Debug, Clone, PartialEq)]
pub struct TopH {
    /// The share, above 0 and at most 1.
    pub top_h: f64,
}

impl LogitsProcessor for TopH {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |_, row| {
            let mut candidates = Vec::new();
            visit_in_order(row.len(), best_first(row), |id| {
                candidates.push((id, row[id]));
                candidates.len() < CANDIDATES
            });
            let mut logs: Vec<_> = candidates.iter().map(|(_, score)| *score).collect();
            log_softmax(&mut logs);
            let allowed = (entropy(&logs) * self.top_h) as f32;
            row.fill(REMOVED);
            let mut taken = 0.0;
            for (rank, ((id, score), log)) in candidates.into_iter().zip(logs).enumerate() {
                taken += entropy_term(log);
                if rank > 0 && taken as f32 > allowed {
                    break;
                }
                row[id] = score;
            }
        });
    }
}
