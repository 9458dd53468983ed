use super::{LogitsProcessor, REMOVED, Step, for_each_row, set};

/// Removes ids.
#[derive(Debug, Clone, PartialEq)]
pub struct SuppressTokens {
    /// The ids.
    pub suppress_tokens: Vec<u32>,
}

impl LogitsProcessor for SuppressTokens {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |_, row| {
            set(row, self.suppress_tokens.iter().copied(), REMOVED);
        });
    }
}

/// Removes ids in one place.
#[derive(Debug, Clone, PartialEq)]
pub struct SuppressTokensAtBegin {
    /// The ids.
    pub begin_suppress_tokens: Vec<u32>,
    /// How many ids stand before the place.
    pub begin_index: usize,
}

impl LogitsProcessor for SuppressTokensAtBegin {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |prefix, row| {
            if prefix.len() == self.begin_index {
                set(row, self.begin_suppress_tokens.iter().copied(), REMOVED);
            }
        });
    }
}
