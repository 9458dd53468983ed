//! T5: predict the target tokens from the input, for span corruption and for tasks alike
//! (Raffel et al. 2020, section 2.4).

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Int, Tensor};
use lamplight_data::batch::{Matrix, Seq2SeqBatch};
use lamplight_data::loader::truncated;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::loss::{CrossEntropy, cross_entropy, smoothed_cross_entropy};
use lamplight_layers::pretrained::NameTable;
use lamplight_layers::recompute::Tape;
use lamplight_t5::{
    GenerationConfig, GenerationInput, Generator, Segments, Seq2SeqInput, Seq2SeqPass,
    T5ForConditionalGeneration,
};

use super::{Task, Term, check_time};
use crate::error::unreadable;
use crate::evaluation::{Evaluation, Example, TokenScores};
use crate::{TrainingError, feed, flops};

/// Inputs that are answered at once.
const ANSWER_BATCH: usize = 32;

/// A held-out input with its one right answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The task it belongs to.
    pub task: String,
    /// The input as text.
    pub input: String,
    /// The right answer.
    pub target: String,
}

/// An encoder-decoder that learns targets.
pub struct TextToText {
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// For the display of answers, and saved with each checkpoint.
    pub tokenizer: Tokenizer,
    /// What is scored token by token.
    pub held_out: Vec<Seq2SeqBatch>,
    /// What is answered freely and compared with the target; empty for span corruption.
    pub questions: Vec<Question>,
    /// Tokens of an input at most, as in training.
    pub max_input_length: usize,
    /// Tokens of an answer at most.
    pub max_new_tokens: usize,
    /// Answers of each task kept for the report.
    pub num_shown: usize,
    /// Coefficient of the z-loss; 0 for none.
    pub z_loss: f64,
    /// Share of a target's probability that is spread over the vocabulary; 0 for none.
    pub label_smoothing: f64,
}

impl TextToText {
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
        let config = GenerationConfig::greedy().max_new_tokens(self.max_new_tokens);
        let generator = Generator::new(model, config)?;
        let mut answers = Vec::with_capacity(self.questions.len());
        for questions in self.questions.chunks(ANSWER_BATCH) {
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

    /// Share of the questions whose answer is the target, over all and for each task, and examples.
    fn exact_match(&self, answers: Vec<String>) -> Evaluation {
        let mut by_task: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let mut examples = Vec::new();
        for (question, predicted) in self.questions.iter().zip(answers) {
            let (num_right, num_asked) = by_task.entry(&question.task).or_default();
            *num_right += usize::from(predicted.trim() == question.target.trim());
            *num_asked += 1;
            if *num_asked <= self.num_shown {
                examples.push(Example::Answer {
                    task: question.task.clone(),
                    input: question.input.clone(),
                    expected: question.target.clone(),
                    predicted: predicted.trim().to_owned(),
                });
            }
        }
        let share = |(right, asked): (usize, usize)| right as f64 / asked as f64;
        let total = by_task
            .values()
            .fold((0, 0), |sum, task| (sum.0 + task.0, sum.1 + task.1));
        let mut scores = Vec::new();
        if total.1 > 0 {
            scores.push(("exact_match".to_owned(), share(total)));
        }
        let named = by_task.into_iter().filter(|(task, _)| !task.is_empty());
        for (task, counts) in named {
            scores.push((format!("exact_match.{task}"), share(counts)));
        }
        Evaluation { scores, examples }
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
        let logits = model.forward_by(input, Seq2SeqPass::taped(tape)).logits;
        let logits = logits.flatten(0, 1); // [batch * target, vocab]
        if self.smooths_labels() {
            let loss = smoothed_cross_entropy(logits, targets, weights);
            let CrossEntropy { nll, squared_log_z } = loss.targets;
            return Ok(vec![nll.mean(), squared_log_z.mean(), loss.uniform.mean()]);
        }
        let loss = cross_entropy(logits, targets, weights);
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
        let answered = self.exact_match(self.answers(model, device, is_interrupted)?);
        let mut scores = tokens.scores();
        scores.extend(answered.scores);
        Ok(Evaluation {
            scores,
            examples: answered.examples,
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
