use std::path::Path;

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear};
use burn::tensor::{Device, Tensor};
use lamplight_layers::pretrained::{NameTable, PretrainedError, save};

use super::classifier;
use crate::{ElectraConfig, ElectraInput, ElectraModel, names};

/// One class per token.
#[derive(Module, Debug)]
pub struct ElectraForTokenClassification {
    electra: ElectraModel,
    classifier: Linear,
    dropout: Dropout,
}

impl ElectraForTokenClassification {
    /// A fresh model with as many classes as `config.num_labels()`.
    ///
    /// # Panics
    /// The config is one that [`ElectraConfig::validate`] refuses.
    pub fn new(config: &ElectraConfig, device: &Device) -> Self {
        Self::from_backbone(ElectraModel::new(config, device), device)
    }

    /// A fresh head on a pre-trained model.
    ///
    /// # Panics
    /// The config is one that [`ElectraConfig::validate`] refuses.
    pub fn from_backbone(electra: ElectraModel, device: &Device) -> Self {
        let config = electra.config();
        Self {
            classifier: classifier(config, config.num_labels(), device),
            dropout: DropoutConfig::new(config.classifier_dropout()).init(),
            electra,
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
            &self.config().to_json("ElectraForTokenClassification"),
            folder,
        )
    }

    /// Hugging Face's names of the parameters.
    pub fn names() -> NameTable {
        names::with_head(&[("classifier", "classifier")])
    }

    /// The config.
    pub fn config(&self) -> &ElectraConfig {
        self.electra.config()
    }

    /// Logits `[batch, length, classes]`.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`].
    pub fn forward(&self, input: ElectraInput) -> Tensor<3> {
        let hidden = self.electra.forward(input);
        self.classifier.forward(self.dropout.forward(hidden))
    }
}
