//! What all strategies work with: the encoded inputs, the processors, and the model's scores on
//! the host.

use std::sync::Arc;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, DType, Int, Tensor, TensorData};

use super::prepared::Prepared;
use super::processors::{LogitsProcessor, Step};
use super::random::Random;
use super::{GenerationConfig, LengthLimits};
use crate::{DecoderCache, DecoderStep, T5ForConditionalGeneration};

/// The inputs of one call.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub model: &'a T5ForConditionalGeneration,
    pub config: &'a GenerationConfig,
    pub processors: Vec<Arc<dyn LogitsProcessor>>,
    pub inputs: Prepared,
    pub encoded: Encoded,
    pub limits: LengthLimits,
    /// Ids that end a text.
    pub eos: Vec<u32>,
}

/// Inputs as a decoder sees them.
#[derive(Debug)]
pub(super) struct Encoded {
    /// `[inputs, source, d_model]`.
    hidden: Tensor<3>,
    /// `[inputs, source]`, true = padding.
    padding_mask: Tensor<2, Bool>,
}

impl Encoded {
    pub(super) fn new(model: &T5ForConditionalGeneration, inputs: &Prepared) -> Self {
        let padding_mask = inputs.padding_mask.clone();
        Self {
            hidden: model.encode(inputs.input_ids.clone(), padding_mask.clone()),
            padding_mask,
        }
    }

    /// Begins to decode all inputs.
    pub(super) fn start(&self, model: &T5ForConditionalGeneration) -> DecoderCache {
        model.start(self.hidden.clone(), self.padding_mask.clone())
    }

    /// Begins to decode one input.
    pub(super) fn start_one(
        &self,
        model: &T5ForConditionalGeneration,
        input: usize,
    ) -> DecoderCache {
        let hidden = self.hidden.clone().narrow(0, input, 1);
        model.start(hidden, self.padding_mask.clone().narrow(0, input, 1))
    }
}

/// The scores of the next id, `[rows, vocab]`, on the host.
#[derive(Debug)]
pub(super) struct Scores {
    values: Vec<f32>,
    vocab: usize,
}

impl Scores {
    /// Reads `[rows, vocab]`, in f32, to the host.
    pub(super) fn read(scores: Tensor<2>) -> Self {
        let [_, vocab] = scores.dims();
        let values = scores.into_data().try_into_vec();
        Self {
            values: values.unwrap_or_else(|error| panic!("scores in f32: {error:?}")),
            vocab,
        }
    }

    pub(super) fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.vocab..][..self.vocab]
    }

    /// `num` rows from `start` on.
    pub(super) fn rows_mut(&mut self, start: usize, num: usize) -> &mut [f32] {
        &mut self.values[start * self.vocab..][..num * self.vocab]
    }
}

impl Session<'_> {
    pub(super) fn num_inputs(&self) -> usize {
        self.inputs.prompts.len()
    }

    /// Continues each row by its ids, as many in each.
    pub(super) fn step(&self, rows: &[&[u32]], cache: &mut DecoderCache) -> DecoderStep {
        step(self.model, rows, cache)
    }

    /// Processes the scores `[hypotheses, vocab]` of an input's hypotheses, where `taken` are the ids
    /// that other groups of beams have just taken.
    pub(super) fn process(
        &self,
        input: usize,
        prefixes: &[&[u32]],
        taken: &[u32],
        scores: &mut [f32],
    ) {
        let step = Step {
            input,
            input_ids: &self.inputs.texts[input],
            prefixes,
            taken_by_other_groups: taken,
        };
        self.processors.process(&step, scores);
    }

    /// What the `answer`-th answer to an input draws from.
    pub(super) fn random(&self, input: usize, answer: usize) -> Random {
        Random::new(self.inputs.seeds[input], answer)
    }

    pub(super) fn padding_id(&self) -> u32 {
        let given = self.config.pad_token_id;
        given.unwrap_or(self.model.config().pad_token_id)
    }

    pub(super) fn ends(&self, id: u32) -> bool {
        self.eos.contains(&id)
    }
}

/// Continues each row by its ids, as many in each.
pub(super) fn step(
    model: &T5ForConditionalGeneration,
    rows: &[&[u32]],
    cache: &mut DecoderCache,
) -> DecoderStep {
    let num_new = rows.first().map_or(0, |row| row.len());
    let ids: Vec<i64> = rows.concat().into_iter().map(i64::from).collect();
    let ids = TensorData::new(ids, [rows.len(), num_new]);
    model.step(Tensor::<2, Int>::from_data(ids, &model.device()), cache)
}

/// The logits after the last position, `[rows, vocab]`, in f32.
pub(super) fn last_logits(logits: Tensor<3>) -> Tensor<2> {
    let [_, num_new, _] = logits.dims();
    let last = logits.narrow(1, num_new - 1, 1).squeeze_dim::<2>(1);
    last.cast(DType::F32)
}

/// The logarithms of the probabilities after the last position, `[rows, vocab]`.
pub(super) fn log_probabilities(logits: Tensor<3>) -> Tensor<2> {
    log_softmax(last_logits(logits), 1)
}
