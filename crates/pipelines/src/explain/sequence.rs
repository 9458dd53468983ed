//! What is asked of a T5 that has answered.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Int, Tensor};
use lamplight_data::tokenizer::{EncodedRow, Tokenizer};
use lamplight_t5::{
    Attentions, FinishReason, GeneratedSequence, GenerationConfig, T5ForConditionalGeneration,
};

use super::attention::{AttentionMaps, MapSizes};
use super::electra::tokens;
use super::integrated_gradients::{Path, integrated_gradients};
use super::{Attributed, Attribution, Explanation, accuracy};
use crate::PipelineError;
use crate::batches::Batch;

/// Tokens of input and answer whose gradients are taken together, all points of the path counted: each token of the
/// answer has scores as wide as the vocabulary.
const MAX_TOKENS: usize = 512;

/// Of longer inputs and answers nothing is explained: gradients and maps grow with the square. T5 was trained with as many.
const LONGEST: usize = 512;

/// Explains answers that a T5 gave.
#[derive(Debug, Clone, Copy)]
pub struct SequenceExplainer<'a> {
    /// The model.
    pub model: &'a T5ForConditionalGeneration,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// How it answered.
    pub generation: &'a GenerationConfig,
    /// Where it is.
    pub device: &'a Device,
}

/// An answer as the decoder read and chose it.
#[derive(Debug)]
struct Decoded {
    /// The start id, and what was chosen but for the last, `[target]`.
    input_ids: Vec<u32>,
    /// What was chosen, the end of text included where it came, `[target]`.
    target_ids: Vec<u32>,
}

impl SequenceExplainer<'_> {
    /// Explains an answer to `text`, which the encoder read as `input_ids`: the attention of encoder and decoder, and which
    /// token of the input made the answer how much likelier.
    ///
    /// # Errors
    /// The tokenizer fails over the answer.
    ///
    /// # Panics
    /// There are no `input_ids`, or an id is none of the model's.
    pub fn explain(
        &self,
        text: &str,
        input_ids: &[u32],
        answer: &GeneratedSequence,
    ) -> Result<Explanation, PipelineError> {
        let decoded = self.decoded(answer);
        let mut explanation = Explanation {
            texts: vec![text.to_owned()],
            answer: self.tokenizer.decode(&answer.ids, true)?,
            ..Explanation::default()
        };
        if let Some(objection) = objection(input_ids.len(), decoded.target_ids.len()) {
            explanation.notes.push(objection);
            return Ok(explanation);
        }
        explanation.attribution = Some(self.attribution(input_ids, &decoded));
        self.add_attentions(&mut explanation, input_ids, &decoded);
        Ok(explanation)
    }

    fn decoded(&self, answer: &GeneratedSequence) -> Decoded {
        let config = self.model.config();
        let mut target_ids = answer.ids.clone();
        if answer.finish_reason == FinishReason::EndOfText {
            let ends = &self.generation.eos_token_id;
            let is_known = ends.is_empty() || ends.contains(&config.eos_token_id);
            let end = if is_known {
                config.eos_token_id
            } else {
                ends[0]
            };
            target_ids.push(end);
        }
        let start = self.generation.decoder_start_token_id;
        let start = start.unwrap_or(config.decoder_start_token_id);
        let before_last = &target_ids[..target_ids.len().saturating_sub(1)];
        Decoded {
            input_ids: [&[start], before_last].concat(),
            target_ids,
        }
    }

    /// Adds the maps of those stacks that are not too large.
    fn add_attentions(
        &self,
        explanation: &mut Explanation,
        input_ids: &[u32],
        Decoded {
            input_ids: decoder_ids,
            target_ids,
        }: &Decoded,
    ) {
        let Attentions {
            encoder,
            decoder,
            cross,
        } = self.model.attentions(input_ids, decoder_ids);
        let stacks = [
            ("the answer to the input", target_ids, input_ids, cross),
            ("the encoder", &input_ids.to_vec(), input_ids, encoder),
            ("the decoder", target_ids, decoder_ids, decoder),
        ];
        for (of, queries, keys, layers) in stacks {
            let sizes = MapSizes {
                num_layers: layers.len(),
                num_heads: self.model.config().num_heads,
                num_queries: queries.len(),
                num_keys: keys.len(),
            };
            match sizes.objection(of) {
                Some(objection) => explanation.notes.push(objection),
                None => {
                    let names = [queries.as_slice(), keys].map(|ids| tokens(self.tokenizer, ids));
                    let maps = AttentionMaps::read(of, names, layers);
                    explanation.attentions.push(maps);
                }
            }
        }
    }

    /// Shares out the log-probability of the answer among the tokens of the input.
    fn attribution(&self, input_ids: &[u32], decoded: &Decoded) -> Attribution {
        let special = self.tokenizer.special();
        let baseline = input_ids.iter().map(|&id| match special.eos == Some(id) {
            true => id,
            false => special.pad,
        });
        let batch = self.batch(input_ids);
        let path = Path {
            baseline: (self.model).embed(self.batch(&baseline.collect::<Vec<_>>()).input_ids),
            input: self.model.embed(batch.input_ids),
        };
        let row = |ids: &[u32]| self.batch(ids).input_ids.autodiff();
        let (decoder_ids, targets) = (row(&decoded.input_ids), row(&decoded.target_ids));
        let padding_mask = batch.padding_mask.autodiff();
        let model = self.model.clone().freeze().train();
        let length = input_ids.len() + decoded.target_ids.len();
        let integral = integrated_gradients(&path, &accuracy(length, MAX_TOKENS), |embeddings| {
            let [rows, _, _] = embeddings.dims();
            let padding_mask = padding_mask.clone().repeat_dim(0, rows);
            let encoded = model.encode_embedded(embeddings, padding_mask.clone());
            let decoder_ids = decoder_ids.clone().repeat_dim(0, rows);
            let logits = model.decode(decoder_ids, encoded, padding_mask);
            log_probabilities(logits, targets.clone().repeat_dim(0, rows))
        });
        let attributed = Attributed {
            of: "the log-probability of the answer".to_owned(),
            tokens: tokens(self.tokenizer, input_ids),
            baseline: tokens(self.tokenizer, &[special.pad]).concat(),
        };
        attributed.by(integral)
    }

    fn batch(&self, ids: &[u32]) -> Batch {
        let row = EncodedRow::of_one_text(ids.to_vec());
        Batch::new(&[row], vec![0], self.device)
    }
}

/// Why nothing of an input and an answer of so many tokens is explained, if so.
fn objection(source: usize, target: usize) -> Option<String> {
    match target {
        0 => Some("The answer has no tokens, not even an end.".to_owned()),
        _ if source.max(target) > LONGEST => Some(format!(
            "Not explained: the input has {source} tokens and the answer {target}, and up to {LONGEST} are."
        )),
        _ => None,
    }
}

/// The sums `[rows]` of the log-probabilities of `targets` `[rows, target]` by logits `[rows, target, vocab]`.
fn log_probabilities(logits: Tensor<3>, targets: Tensor<2, Int>) -> Tensor<1> {
    let log_probabilities = log_softmax(logits.cast(DType::F32), 2);
    let chosen = log_probabilities.gather(2, targets.unsqueeze_dim(2)); // [rows, target, 1]
    chosen.squeeze_dim::<2>(2).sum_dim(1).squeeze_dim(1)
}
