//! The loaders that a recipe asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use lamplight_data::DataError;
use lamplight_data::corpus::Corpus;
use lamplight_data::loader::{
    DenoisingLoader, DenoisingSettings, MaskedTokenLoader, MaskedTokenSettings, PairSet,
    TextToTextSettings, encode_pairs,
};
use lamplight_data::objective::denoising::Denoiser;
use lamplight_data::objective::replaced_token_detection::Masking;
use lamplight_data::source::TextPair;
use lamplight_data::tokenizer::Tokenizer;

use crate::TrainingError;
use crate::progress::{Observer, Stage};
use crate::recipe::Recipe;

/// Batches of a denoising objective.
///
/// # Errors
/// The tokenizer lacks what the objective needs, or the corpus is too small.
pub(crate) fn denoising(
    recipe: &Recipe,
    denoiser: Denoiser,
    corpus: Corpus,
    tokenizer: &Tokenizer,
) -> Result<DenoisingLoader, DataError> {
    let settings = DenoisingSettings {
        denoiser,
        inputs_length: recipe.data.inputs_length,
        batch_size: recipe.training.batch_size,
    };
    DenoisingLoader::new(Arc::new(corpus), tokenizer, settings, recipe.training.seed)
}

/// Masked batches.
///
/// # Errors
/// As [`denoising`].
pub(crate) fn masked(
    recipe: &Recipe,
    corpus: Corpus,
    tokenizer: &Tokenizer,
) -> Result<MaskedTokenLoader, DataError> {
    let settings = masked_settings(recipe);
    MaskedTokenLoader::new(Arc::new(corpus), tokenizer, settings, recipe.training.seed)
}

/// How masked batches are made.
pub(crate) fn masked_settings(recipe: &Recipe) -> MaskedTokenSettings {
    MaskedTokenSettings {
        masking: Masking {
            mask_fraction: recipe.data.mask_fraction(),
            keep_fraction: recipe.data.keep_fraction(),
        },
        building: recipe.data.building.unwrap_or_default(),
        sequence_length: recipe.data.inputs_length,
        batch_size: recipe.training.batch_size,
    }
}

/// How batches of pairs are made.
pub(crate) fn pair_settings(recipe: &Recipe) -> TextToTextSettings {
    TextToTextSettings {
        max_input_length: recipe.data.inputs_length,
        max_target_length: recipe.data.targets_length.unwrap_or_default(),
        batch_size: recipe.training.batch_size,
        arrangement: recipe.data.arrangement.unwrap_or_default(),
    }
}

/// The pairs of each task, drawn as often as the recipe's mixture says; tasks in the order of their names.
///
/// # Errors
/// A text cannot be tokenised.
pub(crate) fn sets(
    recipe: &Recipe,
    pairs: Vec<TextPair>,
    tokenizer: &Tokenizer,
    observer: &mut dyn Observer,
) -> Result<Vec<PairSet>, TrainingError> {
    let num_pairs = pairs.len();
    let mut by_task: BTreeMap<String, Vec<TextPair>> = BTreeMap::new();
    for pair in pairs {
        by_task.entry(pair.task.clone()).or_default().push(pair);
    }
    let sizes: Vec<usize> = by_task.values().map(Vec::len).collect();
    let rates = recipe.data.mixture().rates(&sizes)?;
    let mut done = (0, 0);
    let mut progress = |pairs: usize, tokens: usize| {
        done = (done.0 + pairs, done.1 + tokens);
        observer.preparing(Stage::ReadingTexts {
            fraction: done.0 as f64 / num_pairs as f64,
            num_tokens: done.1 as u64,
        });
    };
    let tasks = by_task.into_values().zip(rates);
    tasks
        .map(|(pairs, rate)| {
            let pairs = encode_pairs(&pairs, tokenizer, &mut progress)?;
            Ok(PairSet { pairs, rate })
        })
        .collect()
}
