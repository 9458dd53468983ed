use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use lamplight_layers::activation::Activation;
use lamplight_layers::block::Pass;
use lamplight_layers::dropout::Dropout;
use lamplight_layers::initializer::linear;
use lamplight_layers::pretrained::NameTable;

use super::classifier;
use crate::embeddings::initializer;
use crate::{ElectraConfig, ElectraInput, ElectraModel, names, names::pretrained};

/// One class per input, read from the first position.
#[derive(Module, Debug)]
pub struct ElectraForSequenceClassification {
    electra: ElectraModel,
    dense: Linear,
    out_proj: Linear,
    dropout: Dropout,
}

pretrained!(ElectraForSequenceClassification);

impl ElectraForSequenceClassification {
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
        let hidden = config.hidden_size;
        Self {
            dense: linear(hidden, hidden, true, initializer(config), device),
            out_proj: classifier(config, config.num_labels(), device),
            dropout: Dropout::new(config.classifier_dropout()),
            electra,
        }
    }

    /// Hugging Face's names of the parameters.
    pub fn names() -> NameTable {
        names::with_head(&[
            ("dense", "classifier.dense"),
            ("out_proj", "classifier.out_proj"),
        ])
    }

    /// Logits `[batch, classes]`.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`].
    pub fn forward(&self, input: ElectraInput) -> Tensor<2> {
        self.forward_by(input, Pass::Plain)
    }

    /// The same by another way through the layers.
    ///
    /// # Panics
    /// As there.
    pub fn forward_by(&self, input: ElectraInput, pass: Pass<'_>) -> Tensor<2> {
        let hidden = self.electra.forward_by(input, pass);
        let first = hidden.slice_dim(1, 0..1).squeeze_dim::<2>(1); // [batch, hidden_size]
        let x = Activation::Gelu.forward(self.dense.forward(self.dropout.forward(first)));
        self.out_proj.forward(self.dropout.forward(x))
    }
}
