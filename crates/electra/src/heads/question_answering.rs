use std::path::Path;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Device;
use lamplight_layers::pretrained::{NameTable, PretrainedError, save};
use lamplight_layers::span::SpanLogits;

use super::classifier;
use crate::{ElectraConfig, ElectraInput, ElectraModel, names};

/// The span of the input that answers the question in it.
#[derive(Module, Debug)]
pub struct ElectraForQuestionAnswering {
    electra: ElectraModel,
    qa_outputs: Linear,
}

impl ElectraForQuestionAnswering {
    /// A fresh model.
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
            qa_outputs: classifier(config, 2, device),
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
            &self.config().to_json("ElectraForQuestionAnswering"),
            folder,
        )
    }

    /// Hugging Face's names of the parameters.
    pub fn names() -> NameTable {
        names::with_head(&[("qa_outputs", "qa_outputs")])
    }

    /// The config.
    pub fn config(&self) -> &ElectraConfig {
        self.electra.config()
    }

    /// Logits of where the answer starts and ends.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`].
    pub fn forward(&self, input: ElectraInput) -> SpanLogits {
        SpanLogits::from_pairs(self.qa_outputs.forward(self.electra.forward(input)))
    }
}
