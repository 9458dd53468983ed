//! What changes the scores of the next id before one is chosen, in Hugging Face's terms and with
//! its formulas.

use std::fmt::Debug;
use std::sync::Arc;

/// What is known where the next id is scored: the hypotheses of one input.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Which input of the batch.
    pub input: usize,
    /// What the encoder read, without padding.
    pub input_ids: &'a [u32],
    /// The ids so far of each hypothesis, from the start id on; all of one length.
    pub prefixes: &'a [&'a [u32]],
    /// The ids that earlier groups of a diverse beam search have just taken; else empty.
    pub taken_by_other_groups: &'a [u32],
}

/// Changes the scores of the next id.
pub trait LogitsProcessor: Debug + Send + Sync {
    /// Changes `scores`, `[hypotheses, vocab]`: logits, or in beam search log-probabilities; minus
    /// infinity removes an id.
    fn process(&self, step: &Step<'_>, scores: &mut [f32]);
}

/// A list of processors is one: each works on what those before it left.
impl LogitsProcessor for Vec<Arc<dyn LogitsProcessor>> {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for processor in self {
            processor.process(step, scores);
        }
    }
}
