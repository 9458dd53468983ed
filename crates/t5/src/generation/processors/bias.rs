use std::collections::BTreeMap;

use super::{LogitsProcessor, REMOVED, Step, completed_by, for_each_row, set};

/// Adds to the score of the last id of a sequence where the others went before.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceBias {
    /// What is added, by sequence.
    pub sequence_bias: BTreeMap<Vec<u32>, f64>,
}

impl LogitsProcessor for SequenceBias {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |prefix, row| {
            // Summed before it is added, as rounding tells.
            let mut biases = BTreeMap::<u32, f32>::new();
            for (sequence, bias) in &self.sequence_bias {
                if let Some(last) = completed_by(sequence, prefix) {
                    *biases.entry(last).or_default() += *bias as f32;
                }
            }
            for (id, bias) in biases {
                if let Some(score) = row.get_mut(id as usize) {
                    *score += bias;
                }
            }
        });
    }
}

/// Removes the last id of a sequence where the others went before.
#[derive(Debug, Clone, PartialEq)]
pub struct NoBadWords {
    /// The sequences.
    pub bad_words_ids: Vec<Vec<u32>>,
}

impl LogitsProcessor for NoBadWords {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |prefix, row| {
            let words = self.bad_words_ids.iter();
            set(
                row,
                words.filter_map(|word| completed_by(word, prefix)),
                REMOVED,
            );
        });
    }
}
