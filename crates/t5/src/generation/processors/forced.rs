use super::{LogitsProcessor, REMOVED, Step, for_each_row, set};

/// Leaves one id after the start id.
#[derive(Debug, Clone, PartialEq)]
pub struct ForcedBosToken {
    /// The id.
    pub bos_token_id: u32,
}

impl LogitsProcessor for ForcedBosToken {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        if step.length() == 1 {
            force(&[self.bos_token_id], step, scores);
        }
    }
}

/// Leaves only ends in the last place.
#[derive(Debug, Clone, PartialEq)]
pub struct ForcedEosToken {
    /// Most ids of an output, the decoder's prompt included.
    pub max_length: usize,
    /// The ids that end a text.
    pub eos_token_ids: Vec<u32>,
}

impl LogitsProcessor for ForcedEosToken {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        if step.length() + 1 == self.max_length {
            force(&self.eos_token_ids, step, scores);
        }
    }
}

/// Removes all but `ids`, which score 0.
fn force(ids: &[u32], step: &Step<'_>, scores: &mut [f32]) {
    for_each_row(step, scores, |_, row| {
        if ids.iter().any(|&id| (id as usize) < row.len()) {
            row.fill(REMOVED);
            set(row, ids.iter().copied(), 0.0);
        }
    });
}
