//! Inputs with targets, and the tokenizer for them.

use lamplight_data::dataset::PairFile;
use lamplight_data::source::{BadRecords, TextPair};
use lamplight_data::synthetic;
use lamplight_data::tokenizer::Tokenizer;

use super::labelled::split_off;
use super::{CORPUS_SEED, Files, Sources};
use crate::TrainingError;
use crate::progress::{Observer, Stage};
use crate::recipe::{BuiltinCorpus, Recipe, RecipeError};

/// Inputs with targets.
#[derive(Debug)]
pub struct Pairs {
    /// What makes ids of them.
    pub tokenizer: Tokenizer,
    /// To train on.
    pub training: Vec<TextPair>,
    /// To score on.
    pub held_out: Vec<TextPair>,
}

/// Reads pairs from the files, or generates the recipe's text-to-text corpus, and splits what is held
/// out.
///
/// # Errors
/// A file cannot be read or holds a line that is no pair, the recipe's corpus is none of pairs, nothing
/// is left to hold out, or the tokenizer cannot be read or trained.
pub fn load_pairs(
    sources: &Sources,
    files: &Files,
    recipe: &Recipe,
    observer: &mut dyn Observer,
) -> Result<Pairs, TrainingError> {
    let (training, held_out) = if !files.training.is_empty() {
        read_pairs(files, recipe)?
    } else if recipe.data.corpus == Some(BuiltinCorpus::TextTasks) {
        observer.preparing(Stage::GeneratingTexts);
        let pairs = synthetic::tasks(recipe.data.num_examples.unwrap_or_default(), CORPUS_SEED);
        let is_training = |pair: &TextPair| !synthetic::is_held_out(&pair.input);
        pairs.into_iter().partition(is_training)
    } else {
        return Err(TrainingError::Recipe(RecipeError::Value {
            key: "data.corpus".to_owned(),
            value: "english_grammar".to_owned(),
            expected: "text_tasks with objective text_to_text".to_owned(),
        }));
    };
    if training.is_empty() {
        return Err(TrainingError::NothingToTrainOn);
    }
    if held_out.is_empty() {
        return Err(TrainingError::NothingHeldOut);
    }
    let texts = || {
        let sides = training.iter().flat_map(|pair| [&pair.input, &pair.target]);
        Ok(sides.collect())
    };
    let tokenizer = sources.tokenizer(recipe.data.train_tokenizer.as_ref(), observer, texts)?;
    Ok(Pairs {
        tokenizer,
        training,
        held_out,
    })
}

/// The pairs to train on and those held out: the files named for it, or a share of all.
fn read_pairs(
    files: &Files,
    recipe: &Recipe,
) -> Result<(Vec<TextPair>, Vec<TextPair>), TrainingError> {
    let bad = || BadRecords::new(recipe.data.max_bad_fraction);
    let mut training = read_pair_files(&files.training.pairs, bad())?;
    if !files.held_out.is_empty() {
        let held_out = read_pair_files(&files.held_out.pairs, bad())?;
        return Ok((training, held_out));
    }
    let held_out = split_off(&mut training, recipe);
    Ok((training, held_out))
}

/// The pairs of files, in order.
///
/// # Errors
/// A file cannot be read, or there are more bad records than there may be.
pub(crate) fn read_pair_files(
    files: &[PairFile],
    mut bad: BadRecords,
) -> Result<Vec<TextPair>, TrainingError> {
    let pairs = files.iter().map(|file| file.read(&mut bad));
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?.concat();
    bad.finish(pairs.len() as u64)?;
    Ok(pairs)
}
