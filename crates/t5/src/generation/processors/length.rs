use super::{LogitsProcessor, REMOVED, Step, for_each_row, set};

/// Removes the end as long as an output is too short.
#[derive(Debug, Clone, PartialEq)]
pub struct MinLength {
    /// Fewest ids, the decoder's prompt included.
    pub min_length: usize,
    /// The ids that end a text.
    pub eos_token_ids: Vec<u32>,
}

impl LogitsProcessor for MinLength {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |prefix, row| {
            if prefix.len() < self.min_length {
                set(row, self.eos_token_ids.iter().copied(), REMOVED);
            }
        });
    }
}

/// Removes the end as long as there are too few ids after the decoder's prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct MinNewTokensLength {
    /// Ids of the decoder's prompt.
    pub prompt_length: usize,
    /// Fewest ids after it.
    pub min_new_tokens: usize,
    /// The ids that end a text.
    pub eos_token_ids: Vec<u32>,
}

impl LogitsProcessor for MinNewTokensLength {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |prefix, row| {
            if prefix.len().saturating_sub(self.prompt_length) < self.min_new_tokens {
                set(row, self.eos_token_ids.iter().copied(), REMOVED);
            }
        });
    }
}

/// Adds `|score| (factor^n - 1)` to the score of the end from a length on, where `n` ids stand
/// after it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExponentialDecayLengthPenalty {
    /// From so many ids on, the decoder's prompt included.
    pub regulation_start: usize,
    /// Above 1 favours the end.
    pub factor: f64,
    /// The ids that end a text.
    pub eos_token_ids: Vec<u32>,
}

impl LogitsProcessor for ExponentialDecayLengthPenalty {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        let excess = step.length().saturating_sub(self.regulation_start);
        if excess == 0 {
            return;
        }
        let growth = self.factor.powf(excess as f64) - 1.0;
        // What overflows is still a score.
        let growth = growth.min(f64::from(f32::MAX)) as f32;
        for_each_row(step, scores, |_, row| {
            for &id in &self.eos_token_ids {
                if let Some(score) = row.get_mut(id as usize).filter(|score| score.is_finite()) {
                    *score = (*score + score.abs() * growth).min(f32::MAX);
                }
            }
        });
    }
}
