use std::ops::ControlFlow;

use burn::tensor::{Bool, Int, Tensor};

/// What is answered.
#[derive(Debug, Clone)]
pub struct GenerationInput {
    /// `[batch, source]`.
    pub input_ids: Tensor<2, Int>,
    /// `[batch, source]`, true = padding.
    pub padding_mask: Tensor<2, Bool>,
    /// What each answer begins with, the start id first: one row per input, all of one length. The
    /// start id alone where there are none.
    pub decoder_input_ids: Option<Vec<Vec<u32>>>,
    /// What the draws for each input follow from, whatever else is in the batch; the seed of the
    /// config plus the number of the row where there are none.
    pub seeds: Option<Vec<u64>>,
}

impl GenerationInput {
    /// Inputs `[batch, source]` with their mask, true = padding.
    pub fn new(input_ids: Tensor<2, Int>, padding_mask: Tensor<2, Bool>) -> Self {
        Self {
            input_ids,
            padding_mask,
            decoder_input_ids: None,
            seeds: None,
        }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct GeneratedSequence {
    /// The ids after the decoder's prompt, without the id that ended them.
    pub ids: Vec<u32>,
    /// The sum of `token_scores`; in beam search divided by `length ^ length_penalty`. Only where
    /// scores are at hand: in beam search, or if the config has `output_scores`.
    pub score: Option<f32>,
    /// The log-probability, as processed, of each id and of the one that ended them; where there
    /// is a `score`.
    pub token_scores: Option<Vec<f32>>,
    /// Why there are no more ids.
    pub finish_reason: FinishReason,
    /// If the config has `output_attentions`.
    pub attentions: Option<Attentions>,
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// An id that ends a text came.
    EndOfText,
    /// It was as long as it may be.
    MaxLength,
    /// The receiver of the ids wanted no more.
    Stopped,
}

/// Where an answer looked, layer by layer, after the softmax. Row `t` of the decoder's maps belongs to the
/// step that chose the id at place `t`, counted from the one after the start id.
#[derive(Debug, Clone)]
pub struct Attentions {
    /// `[heads, source, source]`.
    pub encoder: Vec<Tensor<3>>,
    /// `[heads, target, target]`.
    pub decoder: Vec<Tensor<3>>,
    /// `[heads, target, source]`.
    pub cross: Vec<Tensor<3>>,
}

/// An id as soon as it is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewId {
    /// Which input of the batch.
    pub input: usize,
    /// Which of its answers.
    pub answer: usize,
    /// The id.
    pub id: u32,
}

/// Receives ids as they are chosen; on a break that answer ends.
pub(super) type Listener<'a> = dyn FnMut(NewId) -> ControlFlow<()> + 'a;
