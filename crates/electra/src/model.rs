use std::path::Path;

use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor};
use lamplight_layers::block::Pass;
use lamplight_layers::pretrained::{NameTable, PretrainedError, save};

use crate::embeddings::Embeddings;
use crate::encoder::Encoder;
use crate::{ElectraConfig, names};

/// What every model but the multiple choice one reads.
#[derive(Debug, Clone)]
pub struct ElectraInput {
    /// `[batch, length]`.
    pub input_ids: Tensor<2, Int>,
    /// `[batch, length]`, true = padding.
    pub padding_mask: Tensor<2, Bool>,
    /// `[batch, length]`, 0 for the first segment and 1 for the second; all 0 where not given.
    pub token_type_ids: Option<Tensor<2, Int>>,
}

/// The same with words between those of the table, such as gradients are taken at.
#[derive(Debug, Clone)]
pub struct EmbeddedInput {
    /// `[batch, length, embedding_size]`, before position, token type and norm.
    pub words: Tensor<3>,
    /// `[batch, length]`, true = padding.
    pub padding_mask: Tensor<2, Bool>,
    /// `[batch, length]`.
    pub token_type_ids: Tensor<2, Int>,
}

/// Embeddings and encoder: ELECTRA without a head (Clark et al. 2020).
#[derive(Module, Debug)]
pub struct ElectraModel {
    pub(crate) embeddings: Embeddings,
    pub(crate) encoder: Encoder,
    #[module(skip)]
    config: ElectraConfig,
}

impl ElectraModel {
    /// A fresh model, drawn from the device's random numbers: matrices from a truncated normal,
    /// biases zero.
    ///
    /// # Panics
    /// The config is one that [`ElectraConfig::validate`] refuses.
    pub fn new(config: &ElectraConfig, device: &Device) -> Self {
        Self {
            embeddings: Embeddings::new(config, device),
            encoder: Encoder::new(config, device),
            config: config.clone(),
        }
    }

    /// The model of these parts.
    pub(crate) fn from_parts(
        embeddings: Embeddings,
        encoder: Encoder,
        config: ElectraConfig,
    ) -> Self {
        Self {
            embeddings,
            encoder,
            config,
        }
    }

    /// Reads the base model from a folder with `config.json` and weights. A head in the file is
    /// left out, so this is also how fine-tuning starts from a pre-trained discriminator.
    ///
    /// # Errors
    /// A file is missing or damaged, a value of the config is unsupported, or a tensor is
    /// missing, unused or of another shape.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PretrainedError> {
        let config = ElectraConfig::from_file(&folder.join("config.json"))?;
        names::fill_backbone(Self::new(&config, device), folder)
    }

    /// Writes `config.json` and `model.safetensors` into `folder`.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn save_pretrained(&self, folder: &Path) -> Result<(), PretrainedError> {
        save(
            self,
            &Self::names(),
            &self.config.to_json("ElectraModel"),
            folder,
        )
    }

    /// Hugging Face's names of the parameters.
    pub fn names() -> NameTable {
        names::backbone()
    }

    /// The config.
    pub fn config(&self) -> &ElectraConfig {
        &self.config
    }

    /// The same model, about to get a head with these classes.
    #[must_use]
    pub fn with_labels(mut self, labels: &[String]) -> Self {
        self.config = self.config.with_labels(labels);
        self
    }

    /// The last hidden state, `[batch, length, hidden_size]`.
    ///
    /// # Panics
    /// The shapes differ, the input is too long, or an id lies outside its table.
    pub fn forward(&self, input: ElectraInput) -> Tensor<3> {
        self.forward_by(input, Pass::Plain)
    }

    /// The same by another way through the layers.
    ///
    /// # Panics
    /// As there.
    pub fn forward_by(&self, input: ElectraInput, pass: Pass<'_>) -> Tensor<3> {
        self.forward_embedded(self.embed(input), pass)
    }

    /// The same input with the rows of the word table in place of ids.
    ///
    /// # Panics
    /// An id lies outside the table.
    pub fn embed(&self, input: ElectraInput) -> EmbeddedInput {
        let token_type_ids = input.token_type_ids;
        EmbeddedInput {
            token_type_ids: token_type_ids.unwrap_or_else(|| input.input_ids.zeros_like()),
            words: self.embeddings.words(input.input_ids),
            padding_mask: input.padding_mask,
        }
    }

    /// The last hidden state, `[batch, length, hidden_size]`, of words that need not be in the table.
    ///
    /// # Panics
    /// The shapes differ, or the input is too long.
    pub fn forward_embedded(&self, input: EmbeddedInput, pass: Pass<'_>) -> Tensor<3> {
        let EmbeddedInput {
            words,
            padding_mask,
            token_type_ids,
        } = input;
        let segment = &self.embeddings.segment;
        let embeddings = self.embeddings.around(segment, words, token_type_ids);
        self.encoder.forward(embeddings, padding_mask, pass)
    }
}

#[cfg(test)]
pub(crate) mod tests;
