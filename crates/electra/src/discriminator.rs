use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use lamplight_layers::activation::Activation;
use lamplight_layers::initializer::{Initializer, linear};
use lamplight_layers::linear::apply;
use lamplight_layers::pretrained::NameTable;

use crate::embeddings::initializer;
use crate::{ElectraConfig, ElectraInput, ElectraModel, names, names::pretrained};

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
        let x = self.activation.forward(apply(&self.dense, hidden));
        self.prediction.forward(x).squeeze_dim(2)
    }
}

pretrained!(ElectraForPreTraining);

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

    /// Hugging Face's names of the parameters.
    pub fn names() -> NameTable {
        names::with_head(&names::DETECTION_HEAD)
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
