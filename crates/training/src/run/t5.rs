//! What a run of T5 prepares.

use std::sync::Arc;

use lamplight_data::DataError;
use lamplight_data::loader::{
    SpanCorruptionLoader, SpanCorruptionSettings, TextToTextLoader, TextToTextSettings,
};
use lamplight_data::objective::span_corruption::SpanCorruption;
use lamplight_data::synthetic::TextPair;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_t5::T5ForConditionalGeneration;

use super::{Prepared, Run, RunSummary};
use crate::TrainingError;
use crate::model_config::t5_config;
use crate::progress::Observer;
use crate::task::{Question, TextToText};
use crate::texts::{load_pairs, load_texts};

/// Pre-training by span corruption.
pub(super) fn span_corruption(
    mut run: Run,
    prepared: &Prepared,
    observer: &mut dyn Observer,
) -> Result<RunSummary, TrainingError> {
    let texts = load_texts(&run.sources, &prepared.files, &run.recipe, observer)?;
    let vocab_size = run.resolve_vocab_size(&texts.tokenizer)?;
    let config = t5_config(&run.recipe.model)?;

    let recipe = &run.recipe;
    let settings = SpanCorruptionSettings {
        objective: SpanCorruption {
            noise_density: recipe.data.noise_density(),
            mean_span_length: recipe.data.mean_span_length(),
        },
        inputs_length: recipe.data.inputs_length,
        batch_size: recipe.training.batch_size,
    };
    let num_tokens = texts.training.num_tokens();
    let loader = |corpus| {
        let seed = recipe.training.seed;
        SpanCorruptionLoader::new(Arc::new(corpus), &texts.tokenizer, settings, seed)
    };
    let batches = loader(texts.training)?;
    let held_out = loader(texts.held_out)?.evaluation_batches(recipe.evaluation.max_batches)?;
    let task = TextToText {
        vocab_size,
        tokenizer: texts.tokenizer,
        held_out,
        questions: Vec::new(),
        max_new_tokens: 0,
        num_shown: recipe.evaluation.num_shown,
        z_loss: recipe.training.z_loss.unwrap_or(0.0),
        label_smoothing: recipe.training.label_smoothing.unwrap_or(0.0),
    };
    run.execute(
        &prepared.folder,
        &task,
        batches,
        num_tokens,
        observer,
        |device| T5ForConditionalGeneration::new(&config, device),
    )
}

/// Training on tasks.
pub(super) fn text_to_text(
    mut run: Run,
    prepared: &Prepared,
    observer: &mut dyn Observer,
) -> Result<RunSummary, TrainingError> {
    let pairs = load_pairs(&run.sources, &prepared.files, &run.recipe, observer)?;
    let vocab_size = run.resolve_vocab_size(&pairs.tokenizer)?;
    let config = t5_config(&run.recipe.model)?;

    let recipe = &run.recipe;
    let targets_length = recipe.data.targets_length.unwrap_or_default();
    let settings = TextToTextSettings {
        max_input_length: recipe.data.inputs_length,
        max_target_length: targets_length,
        batch_size: recipe.training.batch_size,
    };
    let training = encode_pairs(&pairs.tokenizer, &pairs.training)?;
    let num_tokens = training
        .iter()
        .map(|(input, target)| input.len() + target.len())
        .sum();
    let loader = |pairs| TextToTextLoader::new(Arc::new(pairs), settings, recipe.training.seed);
    let batches = loader(training)?;
    let held_out = loader(encode_pairs(&pairs.tokenizer, &pairs.held_out)?)?
        .evaluation_batches(recipe.evaluation.max_batches)?;
    let task = TextToText {
        vocab_size,
        tokenizer: pairs.tokenizer,
        held_out,
        questions: questions(&pairs.held_out, recipe.evaluation.num_answers),
        max_new_tokens: targets_length,
        num_shown: recipe.evaluation.num_shown,
        z_loss: recipe.training.z_loss.unwrap_or(0.0),
        label_smoothing: recipe.training.label_smoothing.unwrap_or(0.0),
    };
    run.execute(
        &prepared.folder,
        &task,
        batches,
        num_tokens,
        observer,
        |device| T5ForConditionalGeneration::new(&config, device),
    )
}

type IdPair = (Vec<u32>, Vec<u32>);

fn encode_pairs(tokenizer: &Tokenizer, pairs: &[TextPair]) -> Result<Vec<IdPair>, DataError> {
    let encode = |pair: &TextPair| {
        Ok((
            tokenizer.encode(&pair.input)?,
            tokenizer.encode(&pair.target)?,
        ))
    };
    pairs.iter().map(encode).collect()
}

/// The first held-out inputs of each task.
fn questions(pairs: &[TextPair], num_per_task: usize) -> Vec<Question> {
    let mut tasks: Vec<&str> = pairs.iter().map(|pair| pair.task).collect();
    tasks.sort_unstable();
    tasks.dedup();
    let of_task = |task| {
        let pairs = pairs.iter().filter(move |pair| pair.task == task);
        pairs.take(num_per_task).map(|pair| Question {
            task: pair.task.to_owned(),
            input: pair.input.clone(),
            target: pair.target.clone(),
        })
    };
    tasks.into_iter().flat_map(of_task).collect()
}
