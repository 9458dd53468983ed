//! What one step computes: a batch and a model to losses, and a held-out score.

mod collapse;
mod fine_tuning;
pub(crate) mod head;
mod replaced_token_detection;
mod text_to_text;

pub use fine_tuning::{FineTuning, Scoring};
pub use replaced_token_detection::ReplacedTokenDetection;
pub use text_to_text::TextToText;

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::pretrained::NameTable;
use lamplight_layers::recompute::Tape;

use crate::TrainingError;
use crate::evaluation::Evaluation;
use crate::weights::Weights;

/// One summand of a task's loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// Its name in the metrics.
    pub name: &'static str,
    /// Its coefficient.
    pub factor: f64,
}

/// Refuses to go on once there is no time.
fn check_time(is_interrupted: &dyn Fn() -> bool) -> Result<(), TrainingError> {
    match is_interrupted() {
        true => Err(TrainingError::Interrupted),
        false => Ok(()),
    }
}

/// A kind of training: pure functions of a model and a batch, and the held-out examples.
///
/// The loss is the sum of `factor * mean` over the terms. Each mean is over its own number of
/// positions, so a step of several micro-batches weights them by [`Task::weights`]; then it equals
/// the step of one large batch.
pub trait Task: Sync {
    /// The module that is trained.
    type Model: Module + Sync;
    /// A batch on the host.
    type Batch: Send + Sync + 'static;

    /// Whether the parameter at this path of the model is one of a head that starts from nothing, which
    /// low-rank adaptation therefore trains as a whole.
    fn is_head(_path: &str) -> bool {
        false
    }

    /// Hugging Face's names of the parameters.
    fn names(&self, model: &Self::Model) -> NameTable;

    /// The summands of the loss.
    fn terms(&self) -> Vec<Term>;

    /// For each term how many positions of the batch its mean is over.
    fn weights(&self, batch: &Self::Batch) -> Vec<f64>;

    /// Real tokens of the batch.
    fn num_tokens(&self, batch: &Self::Batch) -> usize;

    /// Cells of the batch, whether a token is in them or padding.
    fn num_cells(&self, batch: &Self::Batch) -> usize;

    /// Floating-point operations that training on the batch takes, by the rule of [`crate::flops`].
    fn flops(&self, model: &Self::Model, batch: &Self::Batch) -> f64;

    /// The mean of each term over the batch, `[1]` each. The blocks of the model run on the tape,
    /// which also names the device.
    ///
    /// # Errors
    /// An id of the batch lies past the vocabulary.
    fn losses(
        &self,
        model: &Self::Model,
        batch: &Self::Batch,
        tape: &Tape,
    ) -> Result<Vec<Tensor<1>>, TrainingError>;

    /// Scores the model, which is in its evaluation state, on the held-out examples. Asks between
    /// batches whether there is time for more.
    ///
    /// # Errors
    /// [`TrainingError::Interrupted`] when `is_interrupted` said that there is not;
    /// An id lies past the vocabulary, or the device cannot be read.
    fn evaluate(
        &self,
        model: &Self::Model,
        device: &Device,
        is_interrupted: &dyn Fn() -> bool,
    ) -> Result<Evaluation, TrainingError>;

    /// What the scores of all evaluations so far say to be wrong, with what to change.
    fn warnings(&self, _evaluations: &[(usize, Evaluation)]) -> Vec<String> {
        Vec::new()
    }

    /// The tokenizer that is saved with each checkpoint.
    fn tokenizer(&self) -> &Tokenizer;

    /// Reads a model that [`Task::save`] wrote.
    ///
    /// # Errors
    /// The folder cannot be read, or holds another model.
    fn load(&self, folder: &Path, device: &Device) -> Result<Self::Model, TrainingError>;

    /// The model with the weights of a folder that [`Task::load`] reads, or that another training of
    /// the family wrote.
    ///
    /// # Errors
    /// The folder cannot be read, or holds a model of other shapes.
    fn start_from(
        &self,
        model: Self::Model,
        folder: &Path,
        device: &Device,
    ) -> Result<Self::Model, TrainingError> {
        let loaded = self.load(folder, device)?;
        let adopted = Weights::of(&loaded, |_| true).into(model, |_| true);
        adopted.map_err(|source| TrainingError::Weights {
            path: folder.to_owned(),
            source,
        })
    }

    /// Writes the model in Hugging Face's layout, with the tokenizer beside it.
    ///
    /// # Errors
    /// The folder cannot be written.
    fn save(&self, model: &Self::Model, folder: &Path) -> Result<(), TrainingError>;
}
