//! What a run of T5 prepares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lamplight_data::loader::{
    Arrangement, PairSet, TextToTextLoader, TextToTextSettings, encode_pairs,
};
use lamplight_data::objective::denoising::Denoiser;
use lamplight_data::source::TextPair;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_t5::T5ForConditionalGeneration;

use super::{Prepared, Run, RunSummary, Work};
use crate::evaluation::Question;
use crate::memory::Rows;
use crate::model_config::t5_config;
use crate::progress::Observer;
use crate::recipe::Recipe;
use crate::task::TextToText;
use crate::texts::{load_pairs, load_texts};
use crate::{TrainingError, loaders, memory};

/// Pre-training by a denoising objective.
pub(super) fn denoising(
    mut run: Run,
    denoiser: Denoiser,
    prepared: &Prepared,
    observer: &mut dyn Observer,
) -> Result<RunSummary, TrainingError> {
    let texts = load_texts(&run.sources, &prepared.files, &run.recipe, observer)?;
    let vocab_size = run.resolve_vocab_size(&texts.tokenizer)?;
    let config = t5_config(&run.recipe.model)?;

    let recipe = &run.recipe;
    let num_tokens = texts.training.num_tokens();
    let loader = |corpus| loaders::denoising(recipe, denoiser, corpus, &texts.tokenizer);
    let examples = loader(texts.training)?;
    let held_out = loader(texts.held_out)?;
    let lengths = examples.lengths();
    let rows = Rows {
        num_rows: recipe.training.batch_size,
        source: lengths.inputs,
        target: lengths.targets,
    };
    let work = Work {
        fresh: T5ForConditionalGeneration::new(&config, &run.device.clone().autodiff()),
        held_out: held_out.digest(),
        num_tokens,
        activations: memory::t5(&config, rows),
        task: TextToText {
            held_out: held_out.evaluation_batches(recipe.evaluation.max_batches)?,
            ..task(recipe, vocab_size, texts.tokenizer)
        },
        examples,
    };
    run.execute(prepared, work, observer)
}

/// A task that scores nothing and asks nothing.
fn task(recipe: &Recipe, vocab_size: usize, tokenizer: Tokenizer) -> TextToText {
    TextToText {
        max_input_length: recipe.data.inputs_length,
        max_new_tokens: recipe.data.targets_length.unwrap_or_default(),
        metrics: recipe.evaluation.metrics.clone(),
        num_beams: recipe.evaluation.num_beams.unwrap_or(1),
        num_shown: recipe.evaluation.num_shown,
        z_loss: recipe.training.z_loss.unwrap_or(0.0),
        label_smoothing: recipe.training.label_smoothing.unwrap_or(0.0),
        ..TextToText::asking_nothing(vocab_size, tokenizer)
    }
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
    let questions = questions(&pairs.held_out, recipe.evaluation.num_answers);
    recipe.check_best_answer(&questions)?;
    let settings = loaders::pair_settings(recipe);
    let training = loaders::sets(recipe, pairs.training, &pairs.tokenizer, observer)?;
    let rows = longest_rows(&training, settings);
    let sides = training.iter().flat_map(|set| &set.pairs);
    let num_tokens = sides
        .map(|(input, target)| input.len() + target.len())
        .sum();
    let loader =
        |sets, settings| TextToTextLoader::new(Arc::new(sets), settings, recipe.training.seed);
    let one_a_row = TextToTextSettings {
        arrangement: Arrangement::InOrder,
        ..settings
    };
    let held_out = PairSet {
        pairs: encode_pairs(&pairs.held_out, &pairs.tokenizer, &mut |_, _| {})?,
        rate: 1.0,
    };
    let held_out = loader(vec![held_out], one_a_row)?;
    let work = Work {
        fresh: T5ForConditionalGeneration::new(&config, &run.device.clone().autodiff()),
        examples: loader(training, settings)?,
        held_out: held_out.digest(),
        num_tokens,
        activations: memory::t5(&config, rows),
        task: TextToText {
            held_out: held_out.evaluation_batches(recipe.evaluation.max_batches)?,
            questions,
            ..task(recipe, vocab_size, pairs.tokenizer)
        },
    };
    run.execute(prepared, work, observer)
}

/// The widest batch that the pairs make: each is padded to its longest row, or packed to the longest there may be.
fn longest_rows(sets: &[PairSet], settings: TextToTextSettings) -> Rows {
    let is_packed = settings.arrangement == Arrangement::Packed;
    let pairs = || sets.iter().flat_map(|set| &set.pairs);
    let longest = |lengths: &mut dyn Iterator<Item = usize>, most: usize| match is_packed {
        true => most,
        false => lengths.max().unwrap_or(0).min(most),
    };
    let source = &mut pairs().map(|(input, _)| input.len());
    let target = &mut pairs().map(|(_, target)| target.len());
    Rows {
        num_rows: settings.batch_size,
        source: longest(source, settings.max_input_length),
        target: longest(target, settings.max_target_length),
    }
}

/// The first held-out inputs of each task. Pairs of one input are one question each, unless they name all right answers.
pub(crate) fn questions(pairs: &[TextPair], num_per_task: usize) -> Vec<Question> {
    let mut by_task: BTreeMap<&str, Vec<&TextPair>> = BTreeMap::new();
    let mut asked = BTreeSet::new();
    for pair in pairs {
        let is_new = asked.insert((&pair.task, &pair.input));
        if is_new || pair.targets.is_empty() {
            by_task.entry(&pair.task).or_default().push(pair);
        }
    }
    let first = by_task
        .values()
        .flat_map(|pairs| pairs.iter().take(num_per_task));
    first
        .map(|pair| Question {
            task: pair.task.clone(),
            input: pair.input.clone(),
            targets: pair.references().to_vec(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(task: &str, input: &str, targets: &[&str]) -> TextPair {
        TextPair {
            task: task.to_owned(),
            input: input.to_owned(),
            target: "right".to_owned(),
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        }
    }

    #[test]
    fn pairs_of_one_input_are_one_question_only_where_all_answers_are_named() {
        let pairs = [
            pair("b", "x", &[]),
            pair("a", "x", &["right", "fine"]),
            pair("b", "x", &[]),
            pair("a", "x", &["right", "fine"]),
            pair("a", "y", &[]),
            pair("a", "z", &[]),
        ];
        let found = questions(&pairs, 2);
        let found: Vec<_> = (found.iter())
            .map(|question| {
                (
                    &question.task[..],
                    &question.input[..],
                    question.targets.len(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [("a", "x", 2), ("a", "y", 1), ("b", "x", 1), ("b", "x", 1)]
        );
    }
}
