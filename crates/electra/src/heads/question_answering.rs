use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use lamplight_layers::block::Pass;
use lamplight_layers::pretrained::NameTable;
use lamplight_layers::span::SpanLogits;

use super::classifier;
use crate::{ElectraConfig, ElectraInput, ElectraModel, names, names::pretrained};

/// The span of the input that answers the question in it.
#[derive(Module, Debug)]
pub struct ElectraForQuestionAnswering {
    electra: ElectraModel,
    qa_outputs: Linear,
}

pretrained!(ElectraForQuestionAnswering);

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

    /// Hugging Face's names of the parameters.
    pub fn names() -> NameTable {
        names::with_head(&[("qa_outputs", "qa_outputs")])
    }

    /// Logits of where the answer starts and ends.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`].
    pub fn forward(&self, input: ElectraInput) -> SpanLogits {
        self.forward_by(input, Pass::Plain)
    }

    /// The same by another way through the layers.
    ///
    /// # Panics
    /// As there.
    pub fn forward_by(&self, input: ElectraInput, pass: Pass<'_>) -> SpanLogits {
        self.logits(self.electra.forward_by(input, pass))
    }

    /// The head alone, on hidden states `[batch, length, hidden_size]`.
    pub fn logits(&self, hidden: Tensor<3>) -> SpanLogits {
        SpanLogits::from_pairs(self.qa_outputs.forward(hidden))
    }
}
