//! T5 on inputs with their targets.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use lamplight_data::DataError;
use lamplight_data::dataset::{Fields, HELD_OUT, PairFile, pair_files};
use lamplight_data::loader::{
    Arrangement, PairSet, TextToTextLoader, TextToTextSettings, encode_pairs,
};
use lamplight_data::source::{TextPair, read_records};
use lamplight_data::store::Store;
use lamplight_layers::pretrained::PretrainedError;
use lamplight_t5::{T5Config, T5ForConditionalGeneration};
use serde_json::{Value, json};

use super::texts::with_perplexity;
use super::watch::{Watch, reading};
use super::{Prediction, Scored, Scorer, timed};
use crate::TrainingError;
use crate::evaluation::metrics::{Metric, MetricError};
use crate::evaluation::{Example, Question, scores_answers};
use crate::recipe::Objective;
use crate::run::questions;
use crate::task::{Task, TextToText};
use crate::texts::read_pair_files;

/// Tokens of an answer at most where nothing says it.
const MAX_NEW_TOKENS: usize = 128;
/// Records that are read to see what a file holds.
const NUM_TRIED: usize = 100;

/// Whether the data are inputs with targets, and not plain texts: as the first record says that can be read.
pub(super) fn are_pairs(data: &[PathBuf]) -> Result<bool, TrainingError> {
    if data.iter().any(|path| Store::is_at(path)) {
        return Ok(false);
    }
    let files = match pair_files(data, HELD_OUT) {
        Ok(files) => files,
        // A data set of documents.
        Err(DataError::InvalidManifest { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let Some(PairFile { path, fields }) = files.first() else {
        return Ok(false);
    };
    let Fields::Pair(fields) = fields else {
        return Ok(true);
    };
    let mut records = read_records(path, &[&fields.target])?.take(NUM_TRIED);
    let first = records.find_map(Result::ok);
    Ok(first.is_some_and(|record| !record.values[0].is_null()))
}

impl Scorer<'_> {
    /// Scores the likelihood of the targets, and the answers that are given freely.
    pub(super) fn pairs(&self) -> Result<Scored, TrainingError> {
        let metrics = self.metrics()?;
        let files = self.files(Objective::TextToText)?;
        let pairs = read_pair_files(&files.pairs, self.bad_records())?;
        let pairs = self.request.limited(pairs);
        let task = TextToText {
            metrics,
            ..self.text_to_text(&pairs)?
        };
        let (request, num_questions) = (self.request, task.questions.len());
        let model = T5ForConditionalGeneration::from_pretrained(&request.model, &request.device)?;
        let watch = Watch::new(&self.observer, num_questions, task.num_answer_batches())
            .behind(task.held_out.len());
        let (evaluation, seconds) =
            timed(|| task.evaluate(&model, &request.device, &|| watch.is_interrupted()))?;
        Ok(Scored {
            objective: Objective::TextToText,
            scores: with_perplexity(evaluation.scores),
            num_examples: pairs.len(),
            seconds,
            predictions: predictions(&pairs, &task.questions, &evaluation.examples),
        })
    }

    /// What scores the answers beside exact match.
    fn metrics(&self) -> Result<Vec<Metric>, TrainingError> {
        let asked = &self.request.answering.metrics;
        if let Some(&metric) = asked.iter().find(|metric| !scores_answers(**metric)) {
            let given = "the answers of a T5";
            return Err(MetricError::Kind { metric, given }.into());
        }
        let of_recipe = self
            .recipe
            .as_ref()
            .map(|recipe| &recipe.evaluation.metrics);
        let of_recipe = of_recipe.filter(|_| asked.is_empty());
        Ok(of_recipe.unwrap_or(asked).clone())
    }

    /// The task as in training, with all pairs held out and every question asked.
    fn text_to_text(&self, pairs: &[TextPair]) -> Result<TextToText, TrainingError> {
        let path = self.request.model.join("config.json");
        let config = T5Config::from_file(&path).map_err(PretrainedError::from)?;
        let recipe = self.recipe.as_ref();
        let targets_length = recipe.and_then(|recipe| recipe.data.targets_length);
        let num_beams = recipe.and_then(|recipe| recipe.evaluation.num_beams);
        // T5 has no longest input.
        let max_input_length = recipe.map_or(usize::MAX, |recipe| recipe.data.inputs_length);
        let progress = &mut reading(&self.observer, pairs.len());
        let set = PairSet {
            pairs: encode_pairs(pairs, &self.tokenizer, progress)?,
            rate: 1.0,
        };
        let settings = TextToTextSettings {
            max_input_length,
            max_target_length: targets_length.unwrap_or(usize::MAX),
            batch_size: self.batch_size(),
            arrangement: Arrangement::InOrder,
        };
        // The order of an evaluation does not depend on a seed.
        let loader = TextToTextLoader::new(Arc::new(vec![set]), settings, 0)?;
        let answering = &self.request.answering;
        let max_new_tokens = answering.max_new_tokens.or(targets_length);
        Ok(TextToText {
            held_out: loader.evaluation_batches(usize::MAX)?,
            questions: questions(pairs, usize::MAX),
            max_input_length,
            max_new_tokens: max_new_tokens.unwrap_or(MAX_NEW_TOKENS),
            num_beams: answering.num_beams.or(num_beams).unwrap_or(1),
            num_shown: usize::MAX,
            ..TextToText::asking_nothing(config.vocab_size, self.tokenizer.clone())
        })
    }
}

/// What was answered to each pair. Pairs of one question have one answer.
fn predictions(
    pairs: &[TextPair],
    questions: &[Question],
    examples: &[Example],
) -> Vec<Prediction> {
    let answers = questions.iter().zip(examples);
    let answers: HashMap<_, _> = answers
        .filter_map(|(question, example)| match example {
            Example::Answer { predicted, .. } => {
                Some(((&question.task, &question.input), predicted))
            }
            Example::Detection { .. } => None,
        })
        .collect();
    let answered = pairs.iter().filter_map(|pair| {
        let answer = answers.get(&(&pair.task, &pair.input))?;
        Some(Prediction {
            input: json!(pair.input),
            prediction: json!(answer),
            reference: match pair.references() {
                [one] => json!(one),
                several => Value::from(several),
            },
        })
    });
    answered.collect()
}
