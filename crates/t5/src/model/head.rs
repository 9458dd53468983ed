//! From the decoder's states to the vocabulary.

use burn::tensor::Tensor;
use lamplight_layers::linear::{apply, project};
use lamplight_layers::loss::VocabularyHead;

use super::T5ForConditionalGeneration;

impl T5ForConditionalGeneration {
    /// States `[.., d_model]` to logits `[.., vocab]`.
    pub(super) fn logits<const D: usize>(&self, hidden: Tensor<D>) -> Tensor<D> {
        let hidden = if self.config.scales_decoder_outputs() {
            hidden * (self.config.d_model as f64).powf(-0.5)
        } else {
            hidden
        };
        match &self.lm_head {
            Some(lm_head) => apply(lm_head, hidden),
            None => {
                let weight = self.model.shared.weight.val().cast(hidden.dtype());
                let weight = weight.transpose(); // [d_model, vocab]
                project(hidden, weight, None)
            }
        }
    }
}

impl VocabularyHead for T5ForConditionalGeneration {
    fn head(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.logits(hidden)
    }
}
