//! What changes the scores of the next id before one is chosen, in Hugging Face's terms and with
//! its formulas.
//!
//! Every processor may stand alone; [`processors`] makes the list that a config asks for.

mod allowed;
mod bias;
mod cutoff;
mod distribution;
mod diversity;
mod forced;
mod length;
mod list;
mod min_p;
mod normalize;
mod repetition;
mod suppress;
mod temperature;
mod top_h;
mod top_k;
mod top_p;
mod typical;

use std::fmt::Debug;
use std::sync::Arc;

pub use allowed::{AllowedTokens, AllowedTokensFn};
pub use bias::{NoBadWords, SequenceBias};
pub use cutoff::{Epsilon, Eta};
pub(super) use distribution::softmax;
pub use diversity::HammingDiversity;
pub use forced::{ForcedBosToken, ForcedEosToken};
pub use length::{ExponentialDecayLengthPenalty, MinLength, MinNewTokensLength};
pub use list::{ProcessorListInput, processors};
pub use min_p::MinP;
pub use normalize::{LogitNormalization, RemoveInvalidValues};
pub use repetition::{
    EncoderNoRepeatNGram, EncoderRepetitionPenalty, NoRepeatNGram, RepetitionPenalty,
};
pub use suppress::{SuppressTokens, SuppressTokensAtBegin};
pub use temperature::Temperature;
pub use top_h::TopH;
pub use top_k::TopK;
pub use top_p::TopP;
pub use typical::Typical;

/// The score of an id that cannot come.
const REMOVED: f32 = f32::NEG_INFINITY;

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

impl Step<'_> {
    /// How many ids each hypothesis has.
    fn length(&self) -> usize {
        self.prefixes.first().map_or(0, |prefix| prefix.len())
    }
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

/// Lets `change` work on each hypothesis: the ids so far and the scores, `[vocab]`.
fn for_each_row(step: &Step<'_>, scores: &mut [f32], mut change: impl FnMut(&[u32], &mut [f32])) {
    let vocab = scores.len() / step.prefixes.len().max(1);
    if vocab > 0 {
        for (prefix, row) in step.prefixes.iter().zip(scores.chunks_exact_mut(vocab)) {
            change(prefix, row);
        }
    }
}

/// Gives `ids` this score; those past the vocabulary are left alone.
fn set(row: &mut [f32], ids: impl IntoIterator<Item = u32>, score: f32) {
    for id in ids {
        if let Some(entry) = row.get_mut(id as usize) {
            *entry = score;
        }
    }
}

/// The last id of `sequence` if `prefix` ends with the others.
fn completed_by(sequence: &[u32], prefix: &[u32]) -> Option<u32> {
    let (&last, others) = sequence.split_last()?;
    prefix.ends_with(others).then_some(last)
}
