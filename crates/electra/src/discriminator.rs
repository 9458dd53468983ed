use std::path::Path;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use lamplight_layers::activation::Activation;
use lamplight_layers::initializer::{Initializer, linear};
use lamplight_layers::pretrained::{NameTable, PretrainedError, save};

use crate::embeddings::initializer;
use crate::{ElectraConfig, ElectraInput, ElectraModel, names};

/// ELECTRA's discriminator: tells of every token whether it was replaced.
#[derive(Module, Debug)]
pub struct ElectraForPreTraining {
    pub(crate) electra: ElectraModel,
    pub(crate) head: DetectionHead,
}

/// From hidden states to one logit per position.
#[derive(Module, Debug)]
pub(crate) struct DetectionHead {
    dense: Linear,
    prediction: Linear,
    #[module(skip)]
    activation: Activation,
}

impl DetectionHead {
    pub(crate) fn new(config: &ElectraConfig, device: &Device) -> Self {
        let hidden = config.hidden_size;
        Self {
            dense: linear(hidden, hidden, true, initializer(config), device),
            prediction: linear(hidden, 1, true, Initializer::GlorotUniform, device),
            activation: config
                .activation()
                .unwrap_or_else(|error| panic!("{error}")),
        }
    }

    /// `[batch, length, hidden_size]` to `[batch, length]`.
    pub(crate) fn forward(&self, hidden: Tensor<3>) -> Tensor<2> {
        let x = self.activation.forward(self.dense.forward(hidden));
        self.prediction.forward(x).squeeze_dim(2)
    }
}

impl ElectraForPreTraining {
    /// A fresh model.
    ///
    /// # Panics
    /// The config is one that [`ElectraConfig::validate`] refuses.
    pub fn new(config: &ElectraConfig, device: &Device) -> Self {
        Self {
            electra: ElectraModel::new(config, device),
            head: DetectionHead::new(config, device),
        }
    }

    /// Reads a folder with `config.json` and weights.
    ///
    /// # Errors
    /// A file is missing or damaged, a value of the config is unsupported, or a tensor is
    /// missing, unused or of another shape.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PretrainedError> {
        let config = ElectraConfig::from_file(&folder.join("config.json"))?;
        names::fill(Self::new(&config, device), Self::names(), folder)
    }

    /// Writes `config.json` and `model.safetensors` into `folder`.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn save_pretrained(&self, folder: &Path) -> Result<(), PretrainedError> {
        save(
            self,
            &Self::names(),
            &self.config().to_json("ElectraForPreTraining"),
            folder,
        )
    }

    /// Hugging Face's names of the parameters.
    pub fn names() -> NameTable {
        names::with_head(&names::DETECTION_HEAD)
    }

    /// The config.
    pub fn config(&self) -> &ElectraConfig {
        self.electra.config()
    }

    /// The base model, to put another head on.
    pub fn into_backbone(self) -> ElectraModel {
        self.electra
    }

    /// Logits `[batch, length]`, positive where the token seems replaced.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`].
    pub fn forward(&self, input: ElectraInput) -> Tensor<2> {
        self.head.forward(self.electra.forward(input))
    }
}
