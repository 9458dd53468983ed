//! What a run trains, on what and how: a TOML file with `--set` overrides.
//!
//! A key that is not known is an error, and so is a key that the chosen model, objective, optimizer
//! or schedule never reads. Devices and paths are arguments of the program, not keys.

pub(crate) mod check;
mod checkpoints;
mod data;
mod error;
mod evaluation;
mod load;
mod objective;
mod optimizer;
mod presets;
mod schedule;
pub(crate) mod suggestion;

pub use checkpoints::CheckpointSettings;
pub use data::{BuiltinCorpus, DataSettings, Objective, TokenizerKind, TokenizerTraining};
pub use error::RecipeError;
pub use evaluation::EvaluationSettings;
pub use optimizer::{GroupSettings, OptimizerSettings};
pub use presets::{Preset, presets};
pub use schedule::ScheduleSettings;

use lamplight_layers::precision::Precision;
use serde::{Deserialize, Serialize};

use crate::lora::LoraSettings;
use crate::stability::StabilitySettings;

/// A whole recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// One line for people.
    #[serde(default)]
    pub description: String,
    /// Which model.
    pub model: ModelSettings,
    /// Which texts and what is made of them.
    pub data: DataSettings,
    /// Low-rank factors to train in place of the weights; absent to train the weights.
    #[serde(default)]
    pub lora: Option<LoraSettings>,
    /// The update rule.
    pub optimizer: OptimizerSettings,
    /// The learning rate over the steps.
    pub schedule: ScheduleSettings,
    /// How long, and what is written when.
    pub training: TrainingSettings,
    /// What is done about steps that are not finite or stand out.
    #[serde(default)]
    pub stability: StabilitySettings,
    /// Which checkpoints stay.
    #[serde(default)]
    pub checkpoints: CheckpointSettings,
    /// How the held-out texts are scored.
    #[serde(default)]
    pub evaluation: EvaluationSettings,
}

/// The model family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Encoder and decoder.
    T5,
    /// Generator and discriminator.
    Electra,
}

/// How the first and the last token of an answer are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerHead {
    /// Each for itself, as Hugging Face's models have it.
    #[default]
    Independent,
    /// The last one knowing the first, and whether there is an answer by a classifier, as ELECTRA's authors have it.
    Joint,
}

/// `[model]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// The model family.
    pub family: Family,
    /// ELECTRA: size of the generator as a fraction of the discriminator.
    #[serde(default)]
    pub generator_size: Option<f64>,
    /// ELECTRA on questions: which head finds the answers.
    #[serde(default)]
    pub answer_head: Option<AnswerHead>,
    /// `[model.config]`: keys as in Hugging Face's `config.json`. `vocab_size` may be left out; then
    /// it is the tokenizer's.
    #[serde(default)]
    pub config: toml::Table,
}

/// `[training]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSettings {
    /// Optimizer steps. May be left out, or 0, where `epochs` is given.
    #[serde(default)]
    pub steps: usize,
    /// Passes over labelled records where `steps` is left out.
    #[serde(default)]
    pub epochs: Option<f64>,
    /// Examples of one micro-batch.
    pub batch_size: usize,
    /// Micro-batches of one step.
    #[serde(default = "default_accumulation")]
    pub accumulation: usize,
    /// Limit on the joint norm of all gradients; absent for none.
    #[serde(default)]
    pub clip_norm: Option<f64>,
    /// T5: coefficient of the z-loss, which T5's pre-training sets to 1e-4; absent for none.
    #[serde(default)]
    pub z_loss: Option<f64>,
    /// T5: share of a target's probability that is spread over the vocabulary; absent for none.
    #[serde(default)]
    pub label_smoothing: Option<f64>,
    /// The type that a step computes in; parameters, gradients and the optimizer are in f32. Absent for bf16
    /// on GPUs that have it, else f32.
    #[serde(default)]
    pub precision: Option<Precision>,
    /// Whether blocks compute their activations, and T5 most of its logits, again in the backward pass
    /// instead of keeping them.
    #[serde(default)]
    pub recompute: bool,
    /// Decides weights, order, noise and dropout.
    #[serde(default)]
    pub seed: u64,
    /// Steps between evaluations; the last step always has one.
    pub evaluate_every: usize,
    /// The run ends after so many evaluations in a row that did not better `checkpoints.best_score`;
    /// absent to train to the last step.
    #[serde(default)]
    pub patience: Option<usize>,
    /// Steps between checkpoints; the last step always has one.
    pub checkpoint_every: usize,
    /// Steps between lines of metrics.
    pub log_every: usize,
}

fn default_accumulation() -> usize {
    1
}
