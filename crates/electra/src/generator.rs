use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use lamplight_layers::activation::Activation;
use lamplight_layers::initializer::{Initializer, linear};
use lamplight_layers::linear::{apply, project};
use lamplight_layers::norm::LayerNorm;
use lamplight_layers::pretrained::NameTable;

use crate::embeddings::{initializer, norm};
use crate::{ElectraConfig, ElectraInput, ElectraModel, names, names::pretrained};

/// The masked language model: ELECTRA's generator.
#[derive(Module, Debug)]
pub struct ElectraForMaskedLM {
    pub(crate) electra: ElectraModel,
    head: MaskedLmHead,
}

/// From hidden states to the vocabulary. The output matrix is the word embedding table, which is
/// passed in, so that it is nobody's second parameter.
#[derive(Module, Debug)]
struct MaskedLmHead {
    dense: Linear,
    norm: LayerNorm,
    bias: Param<Tensor<1>>,
}

pretrained!(ElectraForMaskedLM);

impl ElectraForMaskedLM {
    /// A fresh model.
    ///
    /// # Panics
    /// The config is one that [`ElectraConfig::validate`] refuses.
    pub fn new(config: &ElectraConfig, device: &Device) -> Self {
        let (hidden, width) = (config.hidden_size, config.embedding_size);
        Self {
            electra: ElectraModel::new(config, device),
            head: MaskedLmHead {
                dense: linear(hidden, width, true, initializer(config), device),
                norm: norm(width, config, device),
                bias: Initializer::Zeros.init([config.vocab_size], device),
            },
        }
    }

    /// Hugging Face's names of the parameters.
    pub fn names() -> NameTable {
        names::with_head(&names::MASKED_LM_HEAD)
    }

    /// Logits `[batch, length, vocab]`.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`].
    pub fn forward(&self, input: ElectraInput) -> Tensor<3> {
        self.logits(self.electra.forward(input))
    }

    /// The head alone: hidden states `[batch, positions, hidden_size]` to logits
    /// `[batch, positions, vocab]`. In training only the masked positions need them.
    pub fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        let x = Activation::Gelu.forward(apply(&self.head.dense, hidden));
        let x = self.head.norm.forward(x);
        let words = self.electra.embeddings.word.weight.val().cast(x.dtype()); // [vocab, embedding_size]
        project(x, words.transpose(), Some(self.head.bias.val()))
    }
}
