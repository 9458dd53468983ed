//! The two heads that find answers in texts.

use std::path::Path;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use lamplight_data::loader::{AnswerTarget, Labelled};
use lamplight_electra::{
    ElectraConfig, ElectraForJointQuestionAnswering, ElectraForQuestionAnswering, QuestionReading,
};
use lamplight_layers::block::Pass;
use lamplight_layers::pretrained::{NameTable, PretrainedError};
use lamplight_layers::span::SpanLogits;

use super::{Head, HeadBatch, Judged, Said, of_model};

/// Below the logit of any token.
const PADDING_LOGIT: f64 = -1e9;

/// What a place is for each of some answers, as `[examples]`.
fn places(
    targets: &[AnswerTarget],
    place: fn(&AnswerTarget) -> usize,
    device: &Device,
) -> Tensor<1, Int> {
    let places: Vec<i64> = targets.iter().map(|target| place(target) as i64).collect();
    Tensor::from_data(TensorData::new(places, [targets.len()]), device)
}

/// The first and the last position of each answer, `[examples]`.
fn spans(targets: &[AnswerTarget], device: &Device) -> [Tensor<1, Int>; 2] {
    let sides: [fn(&AnswerTarget) -> usize; 2] = [|target| target.first, |target| target.last];
    sides.map(|place| places(targets, place, device))
}

/// The first and the last token of an answer, each for itself, as Hugging Face's models have it.
#[derive(Debug)]
pub struct QuestionAnswering;

impl Head for QuestionAnswering {
    of_model!(ElectraForQuestionAnswering);
    type Target = AnswerTarget;

    fn judged(
        model: &ElectraForQuestionAnswering,
        batch: HeadBatch<'_, AnswerTarget>,
        pass: Pass<'_>,
    ) -> Judged {
        let device = batch.input.input_ids.device();
        let padding = batch.input.padding_mask.clone().float() * PADDING_LOGIT;
        let logits = model.forward_by(batch.input, pass);
        let [start, end] =
            [logits.start, logits.end].map(|logits| logits.cast(DType::F32) + padding.clone());
        let logits = SpanLogits { start, end };
        let [starts, ends] = spans(batch.targets, &device);
        Judged {
            loss: logits.clone().loss(starts, ends),
            said: Said::Spans(Box::new(logits)),
        }
    }
}

/// The same with the head of ELECTRA's authors: the last token is judged knowing the first. Where some questions that it
/// learns from are impossible, it learns to tell them by a classifier.
#[derive(Debug)]
pub struct JointQuestionAnswering;

impl JointQuestionAnswering {
    fn read(
        model: &ElectraForJointQuestionAnswering,
        batch: HeadBatch<'_, AnswerTarget>,
        pass: Pass<'_>,
    ) -> (QuestionReading, Tensor<1>) {
        let device = batch.input.input_ids.device();
        let reading = model.read(batch.input, pass);
        let [starts, ends] = spans(batch.targets, &device);
        let is_impossible = |target: &AnswerTarget| usize::from(target.is_impossible);
        let is_impossible = places(batch.targets, is_impossible, &device).equal_scalar(1);
        let logits = model.logits(&reading, starts.clone());
        (reading, logits.loss(starts, ends, is_impossible))
    }
}

impl Head for JointQuestionAnswering {
    of_model!(ElectraForJointQuestionAnswering);
    type Target = AnswerTarget;

    fn config_for(config: ElectraConfig, examples: &[Labelled<AnswerTarget>]) -> ElectraConfig {
        let mut targets = examples.iter().map(|example| example.target);
        config.with_answerable_classifier(targets.any(|target| target.is_impossible))
    }

    fn judged(
        model: &ElectraForJointQuestionAnswering,
        batch: HeadBatch<'_, AnswerTarget>,
        pass: Pass<'_>,
    ) -> Judged {
        let (reading, loss) = Self::read(model, batch, pass);
        Judged {
            loss,
            said: Said::Beam(Box::new(model.beam(&reading))),
        }
    }

    /// Without the beam.
    fn loss(
        model: &ElectraForJointQuestionAnswering,
        batch: HeadBatch<'_, AnswerTarget>,
        pass: Pass<'_>,
    ) -> Tensor<1> {
        Self::read(model, batch, pass).1
    }
}
