use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Bool, Device, Int, Tensor};
use lamplight_layers::activation::Activation;
use lamplight_layers::block::Pass;
use lamplight_layers::dropout::Dropout;
use lamplight_layers::initializer::linear;
use lamplight_layers::pretrained::NameTable;

use super::classifier;
use crate::embeddings::initializer;
use crate::{ElectraConfig, ElectraInput, ElectraModel, names, names::pretrained};

/// The best of several inputs, each read from its first position.
#[derive(Module, Debug)]
pub struct ElectraForMultipleChoice {
    electra: ElectraModel,
    summary: Linear,
    classifier: Linear,
    dropout: Dropout,
    #[module(skip)]
    activation: Activation,
}

/// What the multiple choice model reads.
#[derive(Debug, Clone)]
pub struct MultipleChoiceInput {
    /// `[batch, choices, length]`.
    pub input_ids: Tensor<3, Int>,
    /// `[batch, choices, length]`, true = padding.
    pub padding_mask: Tensor<3, Bool>,
    /// `[batch, choices, length]`; all 0 where not given.
    pub token_type_ids: Option<Tensor<3, Int>>,
}

pretrained!(ElectraForMultipleChoice);

impl ElectraForMultipleChoice {
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
        let hidden = config.hidden_size;
        let activation = Activation::from_name("summary_activation", &config.summary_activation);
        Self {
            summary: linear(hidden, hidden, true, initializer(config), device),
            classifier: classifier(config, 1, device),
            dropout: Dropout::new(config.summary_last_dropout),
            activation: activation.unwrap_or_else(|error| panic!("{error}")),
            electra,
        }
    }

    /// Hugging Face's names of the parameters.
    pub fn names() -> NameTable {
        names::with_head(&[
            ("summary", "sequence_summary.summary"),
            ("classifier", "classifier"),
        ])
    }

    /// Logits `[batch, choices]`.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`].
    pub fn forward(&self, input: MultipleChoiceInput) -> Tensor<2> {
        self.forward_by(input, Pass::Plain)
    }

    /// The same by another way through the layers.
    ///
    /// # Panics
    /// As there.
    pub fn forward_by(&self, input: MultipleChoiceInput, pass: Pass<'_>) -> Tensor<2> {
        let [batch, choices, _] = input.input_ids.dims();
        let rows = ElectraInput {
            input_ids: input.input_ids.flatten(0, 1),
            padding_mask: input.padding_mask.flatten(0, 1),
            token_type_ids: input.token_type_ids.map(|ids| ids.flatten(0, 1)),
        };
        let hidden = self.electra.forward_by(rows, pass); // [batch * choices, length, hidden_size]
        let first = hidden.slice_dim(1, 0..1).squeeze_dim::<2>(1);
        let summary = self.activation.forward(self.summary.forward(first));
        let logits = self.classifier.forward(self.dropout.forward(summary));
        logits.reshape([batch, choices])
    }
}
