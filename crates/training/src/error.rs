//! What can go wrong between a recipe and a trained checkpoint.

use std::path::{Path, PathBuf};

use lamplight_data::DataError;
use lamplight_layers::config::ConfigError;
use lamplight_layers::precision::PrecisionError;
use lamplight_layers::pretrained::PretrainedError;

use crate::recipe::RecipeError;

/// Any failure of a training run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// The recipe is not usable.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The texts or the tokenizer are not usable.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The recipe's `[model.config]` is not usable.
    #[error("[model.config] of the recipe: {0}")]
    Model(#[from] ConfigError),
    /// The device cannot compute in the recipe's precision.
    #[error(transparent)]
    Precision(#[from] PrecisionError),
    /// A checkpoint could not be written or read.
    #[error(transparent)]
    Checkpoint(#[from] PretrainedError),
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The output folder holds something already, and nothing is ever overwritten.
    #[error("the output folder {} is not empty; choose a new one", path.display())]
    OutputNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The output folder cannot be one.
    #[error("the output {} is a file, not a folder", path.display())]
    OutputIsFile {
        /// The file in the way.
        path: PathBuf,
    },
    /// Neither the recipe nor the arguments say what to train on.
    #[error("recipe `{recipe}` has no corpus of its own: name text files or folders with --data")]
    NoCorpus {
        /// The recipe.
        recipe: String,
    },
    /// Neither the recipe nor the arguments give a tokenizer.
    #[error(
        "recipe `{recipe}` needs a tokenizer: name its folder with --tokenizer, or set data.train_tokenizer"
    )]
    NoTokenizer {
        /// The recipe.
        recipe: String,
    },
    /// Nothing is left to score on.
    #[error("no text is held out: raise data.held_out above 0, or name other files with --valid")]
    NothingHeldOut,
    /// The tokenizer knows more ids than the model has rows for.
    #[error(
        "the tokenizer has {tokenizer} ids but model.config.vocab_size is {model}; raise it or choose another tokenizer"
    )]
    VocabularyTooLarge {
        /// Ids of the tokenizer.
        tokenizer: usize,
        /// Rows of the model's embedding.
        model: usize,
    },
    /// An id lies past the vocabulary.
    #[error("a batch holds id {id}, but the model's vocabulary ends at {vocab_size}")]
    IdPastVocabulary {
        /// The id.
        id: u32,
        /// Rows of the model's embedding.
        vocab_size: usize,
    },
    /// Training diverged.
    #[error("the loss of step {step} is {loss}: training has diverged; {last_checkpoint}")]
    NonFiniteLoss {
        /// The step, counted from one.
        step: usize,
        /// What was computed.
        loss: f32,
        /// Where the last good checkpoint is, as a clause.
        last_checkpoint: String,
    },
    /// Values could not be read back from the device.
    #[error("cannot read from the device: {0}")]
    Device(String),
    /// A curve of the report could not be drawn.
    #[error("cannot draw a curve: {0}")]
    Drawing(String),
}

impl TrainingError {
    /// Makes a mapper for errors of the operating system.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// A tensor could not be read back.
pub(crate) fn unreadable(reason: impl std::fmt::Display) -> TrainingError {
    TrainingError::Device(reason.to_string())
}
