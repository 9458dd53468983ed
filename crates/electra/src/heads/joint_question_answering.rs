//! The question-answering head of ELECTRA's authors (Clark et al. 2020, appendix B, after XLNet's; the details are their
//! code's): the end is judged knowing the start, and a classifier of its own says whether there is an answer.

mod beam;
mod pair_scorer;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::softmax;
use burn::tensor::{Bool, DType, Device, Int, Tensor, assert_shape};
use lamplight_kernels::product::product;
use lamplight_layers::block::Pass;
use lamplight_layers::loss::binary_cross_entropy;
use lamplight_layers::pretrained::NameTable;
use lamplight_layers::span::SpanLogits;

use super::classifier;
use crate::replaced_token_detection::gather_positions;
use crate::{ElectraConfig, ElectraInput, ElectraModel, names, names::pretrained};
pub use beam::{AnswerBeam, FoundAnswers, ScoredSpan};
use pair_scorer::PairScorer;

/// Added to the logit of a token that can be no part of an answer.
const MASKED: f64 = -1000.0;

/// How much the loss of the classifier counts beside that of the span.
const IMPOSSIBLE_WEIGHT: f64 = 0.5;

/// The span of the input that answers the question in it, the end found by the start, and whether there is one.
///
/// An answer lies in the second segment (`token_type_ids` of 1), or is `[CLS]`: none in this input.
#[derive(Module, Debug)]
pub struct ElectraForJointQuestionAnswering {
    electra: ElectraModel,
    start: Linear,
    end: PairScorer,
    /// Where the config asks for it ([`ElectraConfig::has_answerable_classifier`]).
    answerable: Option<PairScorer>,
}

/// An input as the encoder read it.
#[derive(Debug, Clone)]
pub struct QuestionReading {
    /// `[batch, length, hidden_size]`.
    hidden: Tensor<3>,
    /// 0 where an answer can be, else [`MASKED`], `[batch, length]`.
    mask: Tensor<2>,
    /// Masked logits, in f32, `[batch, length]`.
    start: Tensor<2>,
    /// `[batch]`, in f32.
    impossible: Option<Tensor<1>>,
}

/// What the model says where it is told the starts.
#[derive(Debug, Clone)]
pub struct JointAnswerLogits {
    /// Of where the answer starts, and of where it ends given the start it was told.
    pub spans: SpanLogits,
    /// That the question is impossible, `[batch]`; none from a model without the classifier.
    pub impossible: Option<Tensor<1>>,
}

impl JointAnswerLogits {
    /// The mean of the cross-entropies of the first and the last position, `[batch]` each, and half the binary
    /// cross-entropy of whether the question is impossible, `[batch]`.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn loss(
        self,
        starts: Tensor<1, Int>,
        ends: Tensor<1, Int>,
        is_impossible: Tensor<1, Bool>,
    ) -> Tensor<1> {
        let spans = self.spans.loss(starts, ends);
        let Some(logits) = self.impossible else {
            return spans;
        };
        let weights = logits.ones_like();
        let loss = binary_cross_entropy(logits, is_impossible.float(), weights);
        spans + loss.mean() * IMPOSSIBLE_WEIGHT
    }
}

pretrained!(ElectraForJointQuestionAnswering);

impl ElectraForJointQuestionAnswering {
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
        let scorer = || PairScorer::new(config.hidden_size, device);
        Self {
            start: classifier(config, 1, device),
            end: scorer(),
            answerable: config.has_answerable_classifier().then(scorer),
            electra,
        }
    }

    /// Names of the parameters: Hugging Face's, which has no such head, for all below it.
    pub fn names() -> NameTable {
        names::with_head(&[
            ("start", "qa_start"),
            ("end.hidden", "qa_end.dense"),
            ("end.output", "qa_end.out_proj"),
            ("answerable.hidden", "qa_answerable.dense"),
            ("answerable.output", "qa_answerable.out_proj"),
        ])
    }

    /// Logits of every position for the first and, given the first positions `starts` `[batch]`, for the last one of an
    /// answer, from hidden states `[batch, length, hidden_size]`; those where no answer can be are not masked.
    ///
    /// # Panics
    /// A start lies outside the input.
    pub fn span_logits(&self, hidden: Tensor<3>, starts: Tensor<1, Int>) -> SpanLogits {
        let first = gather_positions(hidden.clone(), starts.unsqueeze_dim(1));
        SpanLogits {
            start: self.start_logits(hidden.clone()),
            end: self.end.forward(first, hidden).cast(DType::F32),
        }
    }

    fn start_logits(&self, hidden: Tensor<3>) -> Tensor<2> {
        let logits = self.start.forward(hidden).squeeze_dim::<2>(2);
        logits.cast(DType::F32)
    }

    /// Logits where the answers' first positions `[batch]` are known, as in training.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`]; a start lies outside the input.
    pub fn forward(&self, input: ElectraInput, starts: Tensor<1, Int>) -> JointAnswerLogits {
        self.logits(&self.read(input, Pass::Plain), starts)
    }

    /// The likeliest answers.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`].
    pub fn answers(&self, input: ElectraInput) -> AnswerBeam {
        self.beam(&self.read(input, Pass::Plain))
    }

    /// What both of these need of the encoder, by a way through its layers.
    ///
    /// # Panics
    /// As [`ElectraModel::forward`].
    pub fn read(&self, input: ElectraInput, pass: Pass<'_>) -> QuestionReading {
        let mask = mask(&input);
        let hidden = self.electra.forward_by(input, pass);
        let start = self.start_logits(hidden.clone()) + mask.clone();
        let impossible = self.answerable.as_ref().map(|scorer| {
            let weights = softmax(start.clone(), 1).cast(hidden.dtype());
            let expected = product(weights.unsqueeze_dim::<3>(1), hidden.clone()); // [batch, 1, hidden_size]
            let first = hidden.clone().narrow(1, 0, 1);
            let logits = scorer.forward(first, expected); // [batch, 1]
            logits.squeeze_dim::<1>(1).cast(DType::F32)
        });
        QuestionReading {
            hidden,
            mask,
            start,
            impossible,
        }
    }

    /// As [`Self::forward`].
    ///
    /// # Panics
    /// A start lies outside the input.
    pub fn logits(&self, reading: &QuestionReading, starts: Tensor<1, Int>) -> JointAnswerLogits {
        let [batch, _, _] = reading.hidden.dims();
        assert_shape!(starts, [batch]);
        let logits = self.span_logits(reading.hidden.clone(), starts);
        JointAnswerLogits {
            spans: SpanLogits {
                start: reading.start.clone(),
                end: logits.end + reading.mask.clone(),
            },
            impossible: reading.impossible.clone(),
        }
    }
}

/// 0 at `[CLS]` and in the second segment, else [`MASKED`], `[batch, length]`.
fn mask(input: &ElectraInput) -> Tensor<2> {
    let ids = &input.input_ids;
    let types = match &input.token_type_ids {
        Some(types) => types.clone(),
        None => ids.zeros_like(),
    };
    let is_context = types.equal_scalar(1).float() * input.padding_mask.clone().bool_not().float();
    let [batch, length] = ids.dims();
    let cls = Tensor::<2>::ones([batch, 1], &ids.device());
    let can_answer = Tensor::cat(vec![cls, is_context.narrow(1, 1, length - 1)], 1);
    (can_answer - 1.0) * -MASKED
}

#[cfg(test)]
mod tests;
