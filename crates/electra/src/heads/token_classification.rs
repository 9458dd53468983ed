use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use lamplight_layers::block::Pass;
use lamplight_layers::dropout::Dropout;
use lamplight_layers::pretrained::NameTable;

use super::classifier;
use crate::{ElectraConfig, ElectraInput, ElectraModel, names, names::pretrained};

/// One class per token.
#[derive(Module, Debug)]
pub struct ElectraForTokenClassification {
    electra: ElectraModel,
    classifier: Linear,
    dropout: Dropout,
}

pretrained!(ElectraForTokenClassification);

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
            dropout: Dropout::new(config.classifier_dropout()),
            electra,
        }
    }

    /// Hugging Face's names of the parameters.
    pub fn names() -> NameTable {
        names::with_head(&[("classifier", "classifier")])
    }

    /// Logits `[batch, length, classes]`.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`].
    pub fn forward(&self, input: ElectraInput) -> Tensor<3> {
        self.forward_by(input, Pass::Plain)
    }

    /// The same by another way through the layers.
    ///
    /// # Panics
    /// As there.
    pub fn forward_by(&self, input: ElectraInput, pass: Pass<'_>) -> Tensor<3> {
        let hidden = self.electra.forward_by(input, pass);
        self.classifier.forward(self.dropout.forward(hidden))
    }
}
