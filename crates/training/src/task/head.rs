//! What the heads of ELECTRA have in common where they are trained, and in what they differ.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use lamplight_data::loader::Target;
use lamplight_electra::{
    ElectraConfig, ElectraForMultipleChoice, ElectraForQuestionAnswering,
    ElectraForSequenceClassification, ElectraForTokenClassification, ElectraInput,
    MultipleChoiceInput,
};
use lamplight_layers::block::Pass;
use lamplight_layers::pretrained::{NameTable, PretrainedError};
use lamplight_layers::span::SpanLogits;

/// What a head is to say, one entry for each row of its logits.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// Classes; none where there is none to say.
    Classes(Vec<Option<u32>>),
    /// Values.
    Values(Vec<f32>),
}

/// A head of ELECTRA.
pub trait Head: Sync + 'static {
    /// The model with this head.
    type Model: Module;
    /// What an example has of labels.
    type Target: Target;

    /// The name of the model in a `config.json`.
    const ARCHITECTURE: &'static str;

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

    /// What it says, `[said, classes]`: for each of the `num_examples` examples, or for each of their
    /// tokens.
    fn logits(
        model: &Self::Model,
        input: ElectraInput,
        num_examples: usize,
        pass: Pass<'_>,
    ) -> Tensor<2>;

    /// What it is to say of rows of `length` tokens.
    fn wanted(targets: &[Self::Target], length: usize) -> Wanted;
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

fn classes(targets: &[u32]) -> Wanted {
    Wanted::Classes(targets.iter().copied().map(Some).collect())
}

/// One class for a text or a pair of texts.
#[derive(Debug)]
pub struct SequenceClassification;

impl Head for SequenceClassification {
    of_model!(ElectraForSequenceClassification);
    type Target = u32;

    fn logits(
        model: &ElectraForSequenceClassification,
        input: ElectraInput,
        _num_examples: usize,
        pass: Pass<'_>,
    ) -> Tensor<2> {
        model.forward_by(input, pass)
    }

    fn wanted(targets: &[u32], _length: usize) -> Wanted {
        classes(targets)
    }
}

/// One value for a text or a pair of texts.
#[derive(Debug)]
pub struct Regression;

impl Head for Regression {
    of_model!(ElectraForSequenceClassification);
    type Target = f32;

    fn logits(
        model: &ElectraForSequenceClassification,
        input: ElectraInput,
        _num_examples: usize,
        pass: Pass<'_>,
    ) -> Tensor<2> {
        model.forward_by(input, pass)
    }

    fn wanted(targets: &[f32], _length: usize) -> Wanted {
        Wanted::Values(targets.to_vec())
    }
}

/// A class for each word, at its first piece.
#[derive(Debug)]
pub struct TokenClassification;

impl Head for TokenClassification {
    of_model!(ElectraForTokenClassification);
    type Target = Vec<Option<u32>>;

    fn logits(
        model: &ElectraForTokenClassification,
        input: ElectraInput,
        _num_examples: usize,
        pass: Pass<'_>,
    ) -> Tensor<2> {
        model.forward_by(input, pass).flatten(0, 1)
    }

    fn wanted(targets: &[Vec<Option<u32>>], length: usize) -> Wanted {
        let padded = |target: &Vec<Option<u32>>| {
            let mut classes = target.clone();
            classes.resize(length, None);
            classes
        };
        Wanted::Classes(targets.iter().flat_map(padded).collect())
    }
}

/// The first and the last token of an answer.
#[derive(Debug)]
pub struct QuestionAnswering;

/// Below the logit of any token.
const PADDING_LOGIT: f64 = -1e9;

impl Head for QuestionAnswering {
    of_model!(ElectraForQuestionAnswering);
    type Target = (usize, usize);

    /// A row for the starts of each example, and then one for the ends, over their tokens.
    fn logits(
        model: &ElectraForQuestionAnswering,
        input: ElectraInput,
        _num_examples: usize,
        pass: Pass<'_>,
    ) -> Tensor<2> {
        let padding = input.padding_mask.clone().float() * PADDING_LOGIT;
        let SpanLogits { start, end } = model.forward_by(input, pass);
        Tensor::cat(vec![start + padding.clone(), end + padding], 0)
    }

    fn wanted(targets: &[(usize, usize)], _length: usize) -> Wanted {
        let starts = targets.iter().map(|&(start, _)| Some(start as u32));
        let ends = targets.iter().map(|&(_, end)| Some(end as u32));
        Wanted::Classes(starts.chain(ends).collect())
    }
}

/// One of several texts.
#[derive(Debug)]
pub struct MultipleChoice;

impl Head for MultipleChoice {
    of_model!(ElectraForMultipleChoice);
    type Target = u32;

    fn logits(
        model: &ElectraForMultipleChoice,
        input: ElectraInput,
        num_examples: usize,
        pass: Pass<'_>,
    ) -> Tensor<2> {
        let [rows, length] = input.input_ids.dims();
        let shape = [num_examples, rows / num_examples, length];
        let input = MultipleChoiceInput {
            input_ids: input.input_ids.reshape(shape),
            padding_mask: input.padding_mask.reshape(shape),
            token_type_ids: input.token_type_ids.map(|ids| ids.reshape(shape)),
        };
        model.forward_by(input, pass)
    }

    fn wanted(targets: &[u32], _length: usize) -> Wanted {
        classes(targets)
    }
}
