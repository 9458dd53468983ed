//! What can go wrong between a recipe and a trained checkpoint.

use std::path::{Path, PathBuf};

use lamplight_data::DataError;
use lamplight_layers::config::ConfigError;
use lamplight_layers::precision::PrecisionError;
use lamplight_layers::pretrained::PretrainedError;
use lamplight_t5::GenerationError;

use crate::evaluation::metrics::MetricError;
use crate::optimizer::OptimizerError;
use crate::recipe::RecipeError;
use crate::weights::WeightsError;

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
    /// The recipe's optimizer does not fit the model, or a saved state does not fit the optimizer.
    #[error(transparent)]
    Optimizer(#[from] OptimizerError),
    /// The device cannot compute in the recipe's precision.
    #[error(transparent)]
    Precision(#[from] PrecisionError),
    /// Nothing could be generated.
    #[error(transparent)]
    Generation(#[from] GenerationError),
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
    /// A line of the metrics is none.
    #[error("{}:{line}: no line of metrics: {source}", path.display())]
    Metrics {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A folder that a run would have filled lacks something.
    #[error("{} is not the folder of a run: it holds no {missing}", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// The file that every run has.
        missing: String,
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
    /// Nothing is left to train on.
    #[error("nothing is left to train on: lower data.held_out, or give more texts")]
    NothingToTrainOn,
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
    #[error(
        "training has diverged: step {step} is not finite (loss {loss}, gradient norm {norm}) after {num_rollbacks} returns to a checkpoint; {last_checkpoint}; lower optimizer.learning_rate or set training.clip_norm"
    )]
    Diverged {
        /// The step, counted from one.
        step: usize,
        /// The whole loss.
        loss: f64,
        /// The norm of the gradients.
        norm: f32,
        /// How often the run went back before.
        num_rollbacks: usize,
        /// Where the last good checkpoint is, as a clause.
        last_checkpoint: String,
    },
    /// A checkpoint is not as it was written.
    #[error("the checkpoint {} is damaged: {reason}", path.display())]
    DamagedCheckpoint {
        /// The checkpoint's folder.
        path: PathBuf,
        /// Which file, and what is wrong with it.
        reason: String,
    },
    /// A checkpoint of a program that is newer than this one.
    #[error(
        "the checkpoint {} has format {format}, this program knows {known}: resume with the newer program that wrote it", path.display()
    )]
    FutureCheckpoint {
        /// The checkpoint's folder.
        path: PathBuf,
        /// Its format.
        format: u64,
        /// The newest format known here.
        known: u64,
    },
    /// A checkpoint of another run.
    #[error(
        "cannot go on from the checkpoint {}: {difference}; restore what changed, or start a new run", path.display()
    )]
    ForeignCheckpoint {
        /// The checkpoint's folder.
        path: PathBuf,
        /// What differs.
        difference: &'static str,
    },
    /// The optimizer's state in a checkpoint does not fit.
    #[error("{}: {source}", path.display())]
    OptimizerState {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: OptimizerError,
    },
    /// Weights do not fit the recipe's model.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file or folder.
        path: PathBuf,
        /// What does not fit.
        source: WeightsError,
    },
    /// A checkpoint could not be written.
    #[error(
        "cannot write the checkpoint {} of about {num_bytes} bytes: {source}; earlier checkpoints are as they were", path.display()
    )]
    CheckpointNotWritten {
        /// The checkpoint's folder.
        path: PathBuf,
        /// What it takes.
        num_bytes: u64,
        /// Why.
        source: Box<TrainingError>,
    },
    /// Another process trains in this folder.
    #[error("another process is training in {}; wait for it or stop it first", path.display())]
    RunBusy {
        /// The folder.
        path: PathBuf,
    },
    /// The run does not fit into memory.
    #[error(
        "a step needs at least {needed} of memory ({parameters} for weights, gradients and optimizer, {activations} for activations), {available} are available: lower training.batch_size (and raise training.accumulation), data.inputs_length or the model's size"
    )]
    OutOfMemory {
        /// The estimate, a lower bound.
        needed: String,
        /// Its part that follows from the model.
        parameters: String,
        /// Its part that follows from the batch.
        activations: String,
        /// What this process may take.
        available: String,
    },
    /// A metric cannot be computed.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A model cannot be scored on such data.
    #[error("cannot score {}: {reason}", path.display())]
    NotScorable {
        /// The model's folder.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// There was no time to finish an evaluation.
    #[error("the evaluation was interrupted")]
    Interrupted,
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
