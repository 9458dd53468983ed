use super::distribution::{ascending, entropy, log_softmax, visit_in_order};
use super::{LogitsProcessor, REMOVED, Step, for_each_row};

/// Keeps the ids whose surprise is closest to the entropy, of together this probability (Meister
/// et al. 2022), and those as close as the last of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Typical {
    /// The probability, above 0 and at most 1.
    pub mass: f64,
    /// At least so many are kept.
    pub min_tokens_to_keep: usize,
}

impl LogitsProcessor for Typical {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |_, row| {
            let mut logs = row.to_vec();
            log_softmax(&mut logs);
            let entropy = entropy(&logs) as f32;
            let distances: Vec<_> = logs.iter().map(|log| (-log - entropy).abs()).collect();
            let closest_first =
                |a: usize, b: usize| ascending(&distances[a], &distances[b]).then(a.cmp(&b));
            let mut kept = Vec::new();
            let mut last = None; // the distance at which the mass is reached
            let mut mass = 0.0;
            visit_in_order(row.len(), closest_first, |id| {
                mass += f64::from(logs[id]).exp();
                if last.is_none() && mass as f32 >= self.mass as f32 {
                    last = Some(distances[id]);
                }
                kept.push((id, row[id]));
                last.is_none() || kept.len() < self.min_tokens_to_keep
            });
            let last = last.unwrap_or(f32::INFINITY);
            for (score, distance) in row.iter_mut().zip(&distances) {
                if *distance > last {
                    *score = REMOVED;
                }
            }
            for (id, score) in kept {
                row[id] = score;
            }
        });
    }
}
