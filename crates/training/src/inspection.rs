//! What a recipe makes of texts, before anything is trained.

use std::sync::Arc;

use lamplight_data::batch::{MaskedBatch, Seq2SeqBatch};
use lamplight_data::loader::{Cursor, ExampleSet, Loader, TextToTextLoader, World};
use lamplight_data::tokenizer::Tokenizer;

use crate::progress::Observer;
use crate::recipe::{Objective, Recipe};
use crate::texts::{Sources, load_pairs, load_texts};
use crate::{TrainingError, loaders};

/// The first batches of a training.
#[derive(Debug)]
pub struct Inspection {
    /// What made their ids.
    pub tokenizer: Tokenizer,
    /// The batches.
    pub batches: Batches,
}

/// Batches of one kind.
#[derive(Debug)]
pub enum Batches {
    /// For T5.
    Seq2Seq(Vec<Seq2SeqBatch>),
    /// For ELECTRA.
    Masked(Vec<MaskedBatch>),
}

impl Batches {
    /// How many there are.
    pub fn num_batches(&self) -> usize {
        match self {
            Self::Seq2Seq(batches) => batches.len(),
            Self::Masked(batches) => batches.len(),
        }
    }

    /// Real tokens of all batches, and their cells, padding included.
    pub fn num_tokens_and_cells(&self) -> (usize, usize) {
        let sizes: Vec<(usize, usize)> = match self {
            Self::Seq2Seq(batches) => batches
                .iter()
                .map(|batch| (batch.num_tokens(), batch.num_cells()))
                .collect(),
            Self::Masked(batches) => batches
                .iter()
                .map(|batch| (batch.num_tokens(), batch.num_cells()))
                .collect(),
        };
        sizes
            .into_iter()
            .fold((0, 0), |sum, batch| (sum.0 + batch.0, sum.1 + batch.1))
    }
}

/// The first batches that a training with this recipe would see.
///
/// # Errors
/// As training, up to its first step.
pub fn inspect(
    name: &str,
    recipe: &Recipe,
    sources: &Sources,
    num_batches: usize,
    observer: &mut dyn Observer,
) -> Result<Inspection, TrainingError> {
    let files = sources.files(name, recipe)?;
    if recipe.data.objective == Objective::TextToText {
        let pairs = load_pairs(sources, &files, recipe, observer)?;
        let sets = loaders::sets(recipe, pairs.training, &pairs.tokenizer, observer)?;
        let settings = loaders::pair_settings(recipe);
        let loader = TextToTextLoader::new(Arc::new(sets), settings, recipe.training.seed)?;
        return Ok(Inspection {
            tokenizer: pairs.tokenizer,
            batches: Batches::Seq2Seq(first(&loader, num_batches)?),
        });
    }
    let texts = load_texts(sources, &files, recipe, observer)?;
    let (corpus, tokenizer) = (texts.training, texts.tokenizer);
    let batches = match recipe.data.denoiser() {
        Some(denoiser) => {
            let loader = loaders::denoising(recipe, denoiser, corpus, &tokenizer)?;
            Batches::Seq2Seq(first(&loader, num_batches)?)
        }
        None => {
            let loader = loaders::masked(recipe, corpus, &tokenizer)?;
            Batches::Masked(first(&loader, num_batches)?)
        }
    };
    Ok(Inspection { tokenizer, batches })
}

fn first<E: ExampleSet>(
    loader: &Loader<E>,
    num_batches: usize,
) -> Result<Vec<E::Batch>, TrainingError> {
    let drawn = loader.batches_from(&Cursor::default(), World::ALONE);
    let batches = drawn.take(num_batches).map(|drawn| Ok(drawn?.batch));
    batches.collect()
}
