//! What the heads of ELECTRA have in common where they are trained, and in what they differ.

mod answers;

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lamplight_data::loader::{Labelled, Target};
use lamplight_electra::{
    AnswerBeam, ElectraConfig, ElectraForMultipleChoice, ElectraForSequenceClassification,
    ElectraForTokenClassification, ElectraInput, MultipleChoiceInput,
};
use lamplight_layers::block::Pass;
use lamplight_layers::loss::cross_entropy;
use lamplight_layers::pretrained::{NameTable, PretrainedError};
use lamplight_layers::span::SpanLogits;

pub use answers::{JointQuestionAnswering, QuestionAnswering};

/// What a head reads, and what it is to say of it.
#[derive(Debug)]
pub struct HeadBatch<'a, T> {
    /// The rows of all examples, those of one behind each other.
    pub input: ElectraInput,
    /// `[examples]`
    pub targets: &'a [T],
}

/// What a head says of a batch.
#[derive(Debug)]
pub struct Judged {
    /// The mean loss, `[1]`.
    pub loss: Tensor<1>,
    /// What it is the loss of.
    pub said: Said,
}

/// Classes, values or answers.
#[derive(Debug)]
pub enum Said {
    /// Of each example, or of each of their tokens.
    Classes {
        /// `[said, classes]`
        logits: Tensor<2>,
        /// The right ones, `[said]`; none where there is none to say.
        wanted: Vec<Option<u32>>,
    },
    /// Of each example.
    Values {
        /// `[said]`
        values: Tensor<1>,
        /// The right ones, `[said]`.
        wanted: Vec<f32>,
    },
    /// Where in each row an answer starts and ends, each for itself.
    Spans(Box<SpanLogits>),
    /// The likeliest answers in each row.
    Beam(Box<AnswerBeam>),
}

/// A head of ELECTRA.
pub trait Head: Sync + 'static {
    /// The model with this head.
    type Model: Module + Sync;
    /// What an example has of labels.
    type Target: Target;

    /// The name of the model in a `config.json`.
    const ARCHITECTURE: &'static str;

    /// The config of a model that learns from these examples.
    fn config_for(config: ElectraConfig, _examples: &[Labelled<Self::Target>]) -> ElectraConfig {
        config
    }

    /// A model, not drawn yet.
    fn fresh(config: &ElectraConfig, device: &Device) -> Self::Model;

    /// Hugging Face's names of its parameters.
    fn names() -> NameTable;

    /// Reads the model with this head.
    ///
    /// # Errors
    /// The folder cannot be read, or holds another model.
    fn load(folder: &Path, device: &Device) -> Result<Self::Model, PretrainedError>;

    /// Writes it.
    ///
    /// # Errors
    /// The folder cannot be written.
    fn save(model: &Self::Model, folder: &Path) -> Result<(), PretrainedError>;

    /// Its config.
    fn config(model: &Self::Model) -> &ElectraConfig;

    /// What it says of a batch, and the loss of that.
    fn judged(model: &Self::Model, batch: HeadBatch<'_, Self::Target>, pass: Pass<'_>) -> Judged;

    /// The loss alone.
    fn loss(model: &Self::Model, batch: HeadBatch<'_, Self::Target>, pass: Pass<'_>) -> Tensor<1> {
        Self::judged(model, batch, pass).loss
    }

    /// How many labels the mean loss of examples is over, up to a factor that all batches share.
    fn num_labels(targets: &[Self::Target]) -> usize {
        targets.len()
    }
}

/// The functions that only hand on to the model.
macro_rules! of_model {
    ($model:ident) => {
        type Model = $model;
        const ARCHITECTURE: &'static str = stringify!($model);

        fn fresh(config: &ElectraConfig, device: &Device) -> $model {
            $model::new(config, device)
        }

        fn names() -> NameTable {
            $model::names()
        }

        fn load(folder: &Path, device: &Device) -> Result<$model, PretrainedError> {
            $model::from_pretrained(folder, device)
        }

        fn save(model: &$model, folder: &Path) -> Result<(), PretrainedError> {
            model.save_pretrained(folder)
        }

        fn config(model: &$model) -> &ElectraConfig {
            model.config()
        }
    };
}

use of_model;

/// The mean cross-entropy of logits `[said, classes]` with classes.
fn class_loss(logits: Tensor<2>, wanted: &[Option<u32>]) -> Tensor<1> {
    let num_said = wanted.len();
    let device = logits.device();
    let targets = wanted.iter().map(|class| i64::from(class.unwrap_or(0)));
    let targets = TensorData::new(targets.collect::<Vec<i64>>(), [num_said]);
    let weights = wanted.iter().map(|class| f32::from(class.is_some()));
    let weights = TensorData::new(weights.collect::<Vec<f32>>(), [num_said]);
    let targets = Tensor::<1, Int>::from_data(targets, &device);
    cross_entropy(logits, targets, Tensor::from_data(weights, &device))
        .nll
        .mean()
}

fn judged_classes(logits: Tensor<2>, wanted: Vec<Option<u32>>) -> Judged {
    Judged {
        loss: class_loss(logits.clone(), &wanted),
        said: Said::Classes { logits, wanted },
    }
}

fn of_each(targets: &[u32]) -> Vec<Option<u32>> {
    targets.iter().copied().map(Some).collect()
}

/// One class for a text or a pair of texts.
#[derive(Debug)]
pub struct SequenceClassification;

impl Head for SequenceClassification {
    of_model!(ElectraForSequenceClassification);
    type Target = u32;

    fn judged(
        model: &ElectraForSequenceClassification,
        batch: HeadBatch<'_, u32>,
        pass: Pass<'_>,
    ) -> Judged {
        judged_classes(model.forward_by(batch.input, pass), of_each(batch.targets))
    }
}

/// One value for a text or a pair of texts.
#[derive(Debug)]
pub struct Regression;

impl Head for Regression {
    of_model!(ElectraForSequenceClassification);
    type Target = f32;

    /// The loss is the mean squared error.
    fn judged(
        model: &ElectraForSequenceClassification,
        batch: HeadBatch<'_, f32>,
        pass: Pass<'_>,
    ) -> Judged {
        let values = model.forward_by(batch.input, pass).squeeze_dim::<1>(1);
        let wanted = TensorData::new(batch.targets.to_vec(), [batch.targets.len()]);
        let wanted = Tensor::<1>::from_data(wanted, &values.device());
        Judged {
            loss: (values.clone() - wanted).square().mean(),
            said: Said::Values {
                values,
                wanted: batch.targets.to_vec(),
            },
        }
    }
}

/// A class for each word, at its first piece.
#[derive(Debug)]
pub struct TokenClassification;

impl Head for TokenClassification {
    of_model!(ElectraForTokenClassification);
    type Target = Vec<Option<u32>>;

    fn judged(
        model: &ElectraForTokenClassification,
        batch: HeadBatch<'_, Vec<Option<u32>>>,
        pass: Pass<'_>,
    ) -> Judged {
        let [_, length] = batch.input.input_ids.dims();
        let padded = |target: &Vec<Option<u32>>| {
            let mut classes = target.clone();
            classes.resize(length, None);
            classes
        };
        let wanted = batch.targets.iter().flat_map(padded).collect();
        judged_classes(model.forward_by(batch.input, pass).flatten(0, 1), wanted)
    }

    fn num_labels(targets: &[Vec<Option<u32>>]) -> usize {
        targets.iter().flatten().flatten().count()
    }
}

/// One of several texts.
#[derive(Debug)]
pub struct MultipleChoice;

impl Head for MultipleChoice {
    of_model!(ElectraForMultipleChoice);
    type Target = u32;

    fn judged(
        model: &ElectraForMultipleChoice,
        batch: HeadBatch<'_, u32>,
        pass: Pass<'_>,
    ) -> Judged {
        let [rows, length] = batch.input.input_ids.dims();
        let num_examples = batch.targets.len();
        let shape = [num_examples, rows / num_examples, length];
        let input = MultipleChoiceInput {
            input_ids: batch.input.input_ids.reshape(shape),
            padding_mask: batch.input.padding_mask.reshape(shape),
            token_type_ids: batch.input.token_type_ids.map(|ids| ids.reshape(shape)),
        };
        judged_classes(model.forward_by(input, pass), of_each(batch.targets))
    }
}
