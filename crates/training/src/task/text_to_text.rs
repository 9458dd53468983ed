//! T5: predict the target tokens from the input, for span corruption and for tasks alike
//! (Raffel et al. 2020, section 2.4).

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Int, Tensor};
use lamplight_data::batch::{Matrix, Seq2SeqBatch};
use lamplight_data::loader::truncated;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::loss::{CrossEntropy, States, cross_entropy};
use lamplight_layers::pretrained::NameTable;
use lamplight_layers::recompute::Tape;
use lamplight_t5::{
    GenerationConfig, GenerationInput, Generator, Segments, Seq2SeqInput, Seq2SeqPass,
    T5ForConditionalGeneration,
};

use super::{Task, Term, check_time};
use crate::error::unreadable;
use crate::evaluation::metrics::Metric;
use crate::evaluation::{Evaluation, Example, Question, TokenScores, answer_scores};
use crate::{TrainingError, feed, flops};

/// Inputs that are answered at once, times the beams of each.
const ANSWER_BATCH: usize = 32;

/// An encoder-decoder that learns targets.
pub struct TextToText {
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// For the display of answers, and saved with each checkpoint.
    pub tokenizer: Tokenizer,
    /// What is scored token by token.
    pub held_out: Vec<Seq2SeqBatch>,
    /// What is answered freely; empty for span corruption.
    pub questions: Vec<Question>,
    /// Tokens of an input at most, as in training.
    pub max_input_length: usize,
    /// Tokens of an answer at most.
    pub max_new_tokens: usize,
    /// What scores the answers beside exact match and what tasks of the T5 paper are scored by.
    pub metrics: Vec<Metric>,
    /// Beams of the search for an answer; 1 takes the best token each time.
    pub num_beams: usize,
    /// Answers of each task kept for the report.
    pub num_shown: usize,
    /// Coefficient of the z-loss; 0 for none.
    pub z_loss: f64,
    /// Share of a target's probability that is spread over the vocabulary; 0 for none.
    pub label_smoothing: f64,
}

impl TextToText {
    /// A task that scores nothing and asks nothing.
    pub fn asking_nothing(vocab_size: usize, tokenizer: Tokenizer) -> Self {
        Self {
            vocab_size,
            tokenizer,
            held_out: Vec::new(),
            questions: Vec::new(),
            max_input_length: 0,
            max_new_tokens: 0,
            metrics: Vec::new(),
            num_beams: 1,
            num_shown: 0,
            z_loss: 0.0,
            label_smoothing: 0.0,
        }
    }

    /// Questions that are answered at once.
    fn answer_batch(&self) -> usize {
        (ANSWER_BATCH / self.num_beams.max(1)).max(1)
    }

    /// In how many batches the questions are answered.
    pub(crate) fn num_answer_batches(&self) -> usize {
        self.questions.len().div_ceil(self.answer_batch())
    }

    fn input(&self, batch: &Seq2SeqBatch, device: &Device) -> Result<Seq2SeqInput, TrainingError> {
        Ok(Seq2SeqInput {
            input_ids: feed::ids(&batch.encoder_input_ids, self.vocab_size, device)?,
            padding_mask: feed::mask(&batch.encoder_padding_mask, device),
            decoder_input_ids: feed::ids(&batch.decoder_input_ids, self.vocab_size, device)?,
            decoder_padding_mask: None,
            segments: batch.segment_ids.as_ref().map(|ids| Segments {
                encoder: feed::integers(&ids.encoder, device),
                decoder: feed::integers(&ids.decoder, device),
            }),
        })
    }

    /// Targets and their weights, `[batch * target]` each.
    fn targets(
        &self,
        batch: &Seq2SeqBatch,
        device: &Device,
    ) -> Result<(Tensor<1, Int>, Tensor<1>), TrainingError> {
        let targets = feed::ids(&batch.decoder_target_ids, self.vocab_size, device)?;
        let weights = feed::weights(&batch.decoder_loss_weights, device);
        Ok((targets.flatten(0, 1), weights.flatten(0, 1)))
    }

    fn smooths_labels(&self) -> bool {
        self.label_smoothing > 0.0
    }

    fn answers(
        &self,
        model: &T5ForConditionalGeneration,
        device: &Device,
        is_interrupted: &dyn Fn() -> bool,
    ) -> Result<Vec<String>, TrainingError> {
        if self.questions.is_empty() {
            return Ok(Vec::new());
        }
        let config = GenerationConfig::beam(self.num_beams).max_new_tokens(self.max_new_tokens);
        let generator = Generator::new(model, config)?;
        let mut answers = Vec::with_capacity(self.questions.len());
        for questions in self.questions.chunks(self.answer_batch()) {
            check_time(is_interrupted)?;
            let pairs = questions
                .iter()
                .map(|question| {
                    let ids = self.tokenizer.encode(&question.input)?;
                    Ok((truncated(&ids, self.max_input_length), Vec::new()))
                })
                .collect::<Result<Vec<(Vec<u32>, Vec<u32>)>, TrainingError>>()?;
            let source = pairs.iter().map(|(ids, _)| ids.len()).max().unwrap_or(1);
            let batch = Seq2SeqBatch::from_pairs(&pairs, source, 1);
            let input = GenerationInput::new(
                feed::ids(&batch.encoder_input_ids, self.vocab_size, device)?,
                feed::mask(&batch.encoder_padding_mask, device),
            );
            for answer in generator.generate(input)?.into_iter().flatten() {
                answers.push(self.tokenizer.decode(&answer.ids, true)?);
            }
        }
        Ok(answers)
    }

    /// The first answers to the questions of each task.
    fn examples(&self, answers: Vec<String>) -> Vec<Example> {
        let mut num_of_task: BTreeMap<&str, usize> = BTreeMap::new();
        let answered = self.questions.iter().zip(answers);
        let shown = answered.filter(|(question, _)| {
            let num = num_of_task.entry(&question.task).or_default();
            *num += 1;
            *num <= self.num_shown
        });
        let example = |(question, predicted): (&Question, String)| {
            let predicted = predicted.trim().to_owned();
            let mut right = question.targets.iter().map(|target| target.trim());
            let first = right.clone().next().unwrap_or_default();
            Example::Answer {
                task: question.task.clone(),
                input: question.input.clone(),
                // The one that was given, if any was.
                expected: right
                    .find(|target| *target == predicted)
                    .unwrap_or(first)
                    .to_owned(),
                predicted,
            }
        };
        shown.map(example).collect()
    }
}

impl Task for TextToText {
    type Model = T5ForConditionalGeneration;
    type Batch = Seq2SeqBatch;

    fn names(&self, model: &T5ForConditionalGeneration) -> NameTable {
        T5ForConditionalGeneration::names(model.config())
    }

    fn terms(&self) -> Vec<Term> {
        let nll = Term {
            name: "nll",
            factor: 1.0 - self.label_smoothing,
        };
        let z_loss = Term {
            name: "squared_log_z",
            factor: self.z_loss,
        };
        let uniform = Term {
            name: "uniform_nll",
            factor: self.label_smoothing,
        };
        let mut terms = vec![nll, z_loss];
        terms.extend(self.smooths_labels().then_some(uniform));
        terms
    }

    fn weights(&self, batch: &Seq2SeqBatch) -> Vec<f64> {
        vec![batch.num_target_tokens() as f64; self.terms().len()]
    }

    fn num_tokens(&self, batch: &Seq2SeqBatch) -> usize {
        batch.num_tokens()
    }

    fn num_cells(&self, batch: &Seq2SeqBatch) -> usize {
        batch.num_cells()
    }

    fn flops(&self, model: &T5ForConditionalGeneration, batch: &Seq2SeqBatch) -> f64 {
        let (source, target) = (&batch.encoder_input_ids, &batch.decoder_input_ids);
        let row = flops::t5_training(model.config(), source.columns, target.columns);
        source.rows as f64 * row
    }

    fn losses(
        &self,
        model: &T5ForConditionalGeneration,
        batch: &Seq2SeqBatch,
        tape: &Tape,
    ) -> Result<Vec<Tensor<1>>, TrainingError> {
        let input = self.input(batch, tape.device())?;
        let (targets, weights) = self.targets(batch, tape.device())?;
        let (_, decoded) = model.states_by(input, Seq2SeqPass::taped(tape));
        let states = States {
            hidden: decoded.flatten(0, 1), // [batch * target, d_model]
            targets,
            weights,
        };
        if self.smooths_labels() {
            let loss = states.smoothed_cross_entropy(model, tape);
            let CrossEntropy { nll, squared_log_z } = loss.targets;
            return Ok(vec![nll.mean(), squared_log_z.mean(), loss.uniform.mean()]);
        }
        let loss = states.cross_entropy(model, tape);
        Ok(vec![loss.nll.mean(), loss.squared_log_z.mean()])
    }

    fn evaluate(
        &self,
        model: &T5ForConditionalGeneration,
        device: &Device,
        is_interrupted: &dyn Fn() -> bool,
    ) -> Result<Evaluation, TrainingError> {
        let mut tokens = TokenScores::default();
        for batch in &self.held_out {
            check_time(is_interrupted)?;
            let logits = model.forward(self.input(batch, device)?).logits;
            let predicted: Vec<i64> = logits
                .clone()
                .argmax(2)
                .try_into_vec_as()
                .map_err(unreadable)?;
            let (targets, weights) = self.targets(batch, device)?;
            let loss = cross_entropy(logits.flatten(0, 1), targets, weights)
                .nll
                .sum;
            tokens.add_loss(loss.try_into_scalar().map_err(unreadable)?);
            for (target, predicted) in real_targets(batch, &predicted) {
                tokens.add(target, predicted == i64::from(target));
            }
        }
        let answers = self.answers(model, device, is_interrupted)?;
        let mut scores = tokens.scores();
        scores.extend(answer_scores(&self.questions, &answers, &self.metrics));
        Ok(Evaluation {
            scores,
            examples: self.examples(answers),
        })
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn load(
        &self,
        folder: &Path,
        device: &Device,
    ) -> Result<T5ForConditionalGeneration, TrainingError> {
        Ok(T5ForConditionalGeneration::from_pretrained(folder, device)?)
    }

    fn save(&self, model: &T5ForConditionalGeneration, folder: &Path) -> Result<(), TrainingError> {
        model.save_pretrained(folder)?;
        Ok(self.tokenizer.save(folder)?)
    }
}

fn real_targets<'a>(
    batch: &'a Seq2SeqBatch,
    predicted: &'a [i64],
) -> impl Iterator<Item = (u32, i64)> + 'a {
    let Matrix { values, .. } = &batch.decoder_target_ids;
    let weights = &batch.decoder_loss_weights.values;
    (values.iter().zip(predicted).zip(weights))
        .filter(|(_, weight)| **weight > 0.0)
        .map(|((target, predicted), _)| (*target, *predicted))
}
