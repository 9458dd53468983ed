use std::path::Path;

use burn::module::Module;
use burn::nn::Embedding;
use burn::tensor::{Bool, Device, Int, Tensor};
use lamplight_layers::block::Pass;
use lamplight_layers::embedding::look_up;
use lamplight_layers::pretrained::{PretrainedError, save};

use crate::model::shared;
use crate::names::{LM_HEAD, fill, open, table};
use crate::{Encoder, EncoderInput, T5Config};

/// The encoder alone, for embeddings of text.
#[derive(Module, Debug)]
pub struct T5EncoderModel {
    shared: Embedding,
    encoder: Encoder,
    #[module(skip)]
    config: T5Config,
}

impl T5EncoderModel {
    /// A fresh model.
    pub fn new(config: &T5Config, device: &Device) -> Self {
        Self {
            shared: shared(config, device),
            encoder: Encoder::new(config, device),
            config: config.clone(),
        }
    }

    /// Loads the encoder of a folder; a decoder in it is left out.
    ///
    /// # Errors
    /// The config is refused, a file is missing or damaged, or the weights do not fit.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PretrainedError> {
        let (config, checkpoint) = open(folder)?;
        let is_ignored = |name: &str| name.starts_with("decoder.") || name == LM_HEAD;
        fill(
            Self::new(&config, device),
            table(&config),
            &checkpoint,
            is_ignored,
        )
    }

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save_pretrained(&self, folder: &Path) -> Result<(), PretrainedError> {
        save(
            self,
            &table(&self.config),
            &self.config.to_json("T5EncoderModel"),
            folder,
        )
    }

    /// Encodes ids `[batch, source]` to `[batch, source, d_model]`; `padding_mask` is true where
    /// there is padding.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn forward(&self, input_ids: Tensor<2, Int>, padding_mask: Tensor<2, Bool>) -> Tensor<3> {
        let input = EncoderInput {
            embeddings: look_up(&self.shared, input_ids),
            padding_mask,
            segment_ids: None,
        };
        self.encoder.forward(input, Pass::Plain)
    }
}
