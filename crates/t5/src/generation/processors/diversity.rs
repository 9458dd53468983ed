use super::{LogitsProcessor, Step, for_each_row};

/// Takes `diversity_penalty` off the score of an id for each beam of an earlier group that has
/// just taken it (Vijayakumar et al. 2016, with Hamming distance).
#[derive(Debug, Clone, PartialEq)]
pub struct HammingDiversity {
    /// Above 0.
    pub diversity_penalty: f64,
}

impl LogitsProcessor for HammingDiversity {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        let mut taken = step.taken_by_other_groups.to_vec();
        taken.sort_unstable();
        for_each_row(step, scores, |_, row| {
            for same in taken.chunk_by(|a, b| a == b) {
                if let Some(score) = row.get_mut(same[0] as usize) {
                    *score -= self.diversity_penalty as f32 * same.len() as f32;
                }
            }
        });
    }
}
