//! T5 with a classifier in place of the output matrix, as Hugging Face has them.

use std::path::Path;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Bool, Device, Int, Tensor};
use lamplight_layers::dropout::Dropout;
use lamplight_layers::initializer::{Initializer, linear};
use lamplight_layers::pretrained::{NameTable, PretrainedError, save};
use lamplight_layers::span::SpanLogits;

use crate::names::{fill, is_stray, open, table};
use crate::{Seq2SeqInput, Seq2SeqPass, T5Config, T5EncoderModel, T5Model};

/// Reading and writing, the same for every head.
macro_rules! pretrained {
    ($head:ident) => {
        impl $head {
            /// Loads `config.json` and the weights in a folder.
            ///
            /// # Errors
            /// The config is refused, a file is missing or damaged, or the weights do not fit.
            pub fn from_pretrained(
                folder: &Path,
                device: &Device,
            ) -> Result<Self, PretrainedError> {
                let (config, checkpoint) = open(folder)?;
                fill(
                    Self::new(&config, device),
                    Self::names(&config),
                    &checkpoint,
                    is_stray,
                )
            }

            /// Writes `config.json` and `model.safetensors`.
            ///
            /// # Errors
            /// A file cannot be written.
            pub fn save_pretrained(&self, folder: &Path) -> Result<(), PretrainedError> {
                let config = self.config.to_json(stringify!($head));
                save(self, &Self::names(&self.config), &config, folder)
            }
        }
    };
}

pretrained!(T5ForSequenceClassification);
pretrained!(T5ForTokenClassification);
pretrained!(T5ForQuestionAnswering);

fn classifier(config: &T5Config, num_outputs: usize, device: &Device) -> Linear {
    let std = config.initializer_factor * (config.d_model as f64).powf(-0.5);
    linear(
        config.d_model,
        num_outputs,
        true,
        Initializer::Normal(std),
        device,
    )
}

/// The decoder reads the input once more, shifted right.
fn read_twice(
    config: &T5Config,
    input_ids: Tensor<2, Int>,
    padding_mask: Tensor<2, Bool>,
) -> Seq2SeqInput {
    let [batch, length] = input_ids.dims();
    let start = Tensor::full(
        [batch, 1],
        config.decoder_start_token_id,
        &input_ids.device(),
    );
    let shifted = input_ids.clone().slice([0..batch, 0..length - 1]);
    Seq2SeqInput {
        decoder_input_ids: Tensor::cat(vec![start, shifted], 1),
        input_ids,
        padding_mask,
        decoder_padding_mask: None,
        segments: None,
    }
}

/// One class per text, read from the decoder's state at the last end-of-text id.
#[derive(Module, Debug)]
pub struct T5ForSequenceClassification {
    transformer: T5Model,
    dense: Linear,
    out_proj: Linear,
    dropout: Dropout,
    #[module(skip)]
    config: T5Config,
}

impl T5ForSequenceClassification {
    /// A fresh model with as many classes as `config.num_labels()`.
    pub fn new(config: &T5Config, device: &Device) -> Self {
        Self {
            transformer: T5Model::new(config, device),
            dense: classifier(config, config.d_model, device),
            out_proj: classifier(config, config.num_labels(), device),
            dropout: Dropout::new(config.classifier_dropout),
            config: config.clone(),
        }
    }

    /// The names of the parameters in Hugging Face's files.
    pub fn names(config: &T5Config) -> NameTable {
        let head = NameTable::new(&[
            ("dense", "classification_head.dense"),
            ("out_proj", "classification_head.out_proj"),
        ]);
        table(config)
            .under("transformer.", "transformer.")
            .and(head)
    }

    /// Logits `[batch, classes]` of ids `[batch, length]`, each row of which ends in the
    /// end-of-text id before its padding (a row without it is read at its first position).
    ///
    /// # Panics
    /// The shapes differ.
    pub fn forward(&self, input_ids: Tensor<2, Int>, padding_mask: Tensor<2, Bool>) -> Tensor<2> {
        let [batch, length] = input_ids.dims();
        let ends = input_ids
            .clone()
            .equal_scalar(self.config.eos_token_id)
            .int();
        let positions = Tensor::<1, Int>::arange(0..length as i64, &input_ids.device());
        let last_end = (ends * positions.unsqueeze_dim(0)).max_dim(1); // [batch, 1]
        let input = read_twice(&self.config, input_ids, padding_mask);
        let (_, hidden) = self.transformer.forward(input, Seq2SeqPass::plain());
        let index = last_end
            .unsqueeze_dim::<3>(2)
            .expand([batch, 1, self.config.d_model]);
        let state = hidden.gather(1, index).squeeze_dim::<2>(1); // [batch, d_model]
        let state = self.dense.forward(self.dropout.forward(state)).tanh();
        self.out_proj.forward(self.dropout.forward(state))
    }
}

/// One class per token, read from the encoder.
#[derive(Module, Debug)]
pub struct T5ForTokenClassification {
    transformer: T5EncoderModel,
    classifier: Linear,
    dropout: Dropout,
    #[module(skip)]
    config: T5Config,
}

impl T5ForTokenClassification {
    /// A fresh model with as many classes as `config.num_labels()`.
    pub fn new(config: &T5Config, device: &Device) -> Self {
        Self {
            transformer: T5EncoderModel::new(config, device),
            classifier: classifier(config, config.num_labels(), device),
            dropout: Dropout::new(config.classifier_dropout),
            config: config.clone(),
        }
    }

    /// The names of the parameters in Hugging Face's files.
    pub fn names(config: &T5Config) -> NameTable {
        let head = NameTable::new(&[("classifier", "classifier")]);
        table(config)
            .under("transformer.", "transformer.")
            .and(head)
    }

    /// Logits `[batch, length, classes]` of ids `[batch, length]`.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn forward(&self, input_ids: Tensor<2, Int>, padding_mask: Tensor<2, Bool>) -> Tensor<3> {
        let hidden = self.transformer.forward(input_ids, padding_mask);
        self.classifier.forward(self.dropout.forward(hidden))
    }
}

/// The span of an answer, read from the decoder.
#[derive(Module, Debug)]
pub struct T5ForQuestionAnswering {
    model: T5Model,
    qa_outputs: Linear,
    #[module(skip)]
    config: T5Config,
}

impl T5ForQuestionAnswering {
    /// A fresh model.
    pub fn new(config: &T5Config, device: &Device) -> Self {
        Self {
            model: T5Model::new(config, device),
            qa_outputs: classifier(config, 2, device),
            config: config.clone(),
        }
    }

    /// The names of the parameters in Hugging Face's files.
    pub fn names(config: &T5Config) -> NameTable {
        table(config)
            .under("model.", "")
            .and(NameTable::new(&[("qa_outputs", "qa_outputs")]))
    }

    /// Logits of the first and last position of the answer, of ids `[batch, length]`.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn forward(&self, input_ids: Tensor<2, Int>, padding_mask: Tensor<2, Bool>) -> SpanLogits {
        let input = read_twice(&self.config, input_ids, padding_mask);
        let (_, hidden) = self.model.forward(input, Seq2SeqPass::plain());
        SpanLogits::from_pairs(self.qa_outputs.forward(hidden))
    }
}
