//! What a run tells the program around it. The library itself prints nothing.

use std::path::Path;

use crate::evaluation::Evaluation;
use crate::metrics::StepMetrics;

/// What is done before the first step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// A tokenizer is trained.
    TrainingTokenizer,
    /// Texts are read and tokenised; `fraction` of their bytes are done.
    ReadingTexts {
        /// 0 to 1.
        fraction: f64,
        /// Tokens so far.
        num_tokens: u64,
    },
    /// A corpus is generated and tokenised.
    GeneratingTexts,
}

/// A run that is about to start.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The recipe's name.
    pub name: String,
    /// Optimizer steps.
    pub num_steps: usize,
    /// Parameters that are trained.
    pub num_parameters: usize,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Tokens of the training texts.
    pub num_tokens: usize,
}

/// Told of what happens in a run, on the thread that trains: be quick.
pub trait Observer {
    /// A stage before the first step goes on.
    fn preparing(&mut self, _stage: Stage) {}
    /// Everything is ready for the first step.
    fn started(&mut self, _plan: &Plan, _folder: &Path) {}
    /// A step is done; steps count from one.
    fn stepped(&mut self, _step: usize) {}
    /// Metrics were read back from the device.
    fn logged(&mut self, _metrics: &StepMetrics) {}
    /// The held-out texts are being scored after this step.
    fn evaluating(&mut self, _step: usize) {}
    /// The held-out texts were scored after this step.
    fn evaluated(&mut self, _step: usize, _evaluation: &Evaluation) {}
    /// A checkpoint was written after this step.
    fn saved(&mut self, _step: usize, _checkpoint: &Path) {}
    /// Whether the run shall end after this step, with a checkpoint.
    fn is_interrupted(&self) -> bool {
        false
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
