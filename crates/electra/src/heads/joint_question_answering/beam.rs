use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Int, Tensor, TensorReadError};

use super::{ElectraForJointQuestionAnswering, QuestionReading};
use crate::replaced_token_detection::gather_positions;

/// Starts of a beam, and ends of each.
const BEAM_SIZE: usize = 20;

/// The likeliest starts of an answer, each with its likeliest ends, best first: `beam` of each, 20 or the length of the
/// input.
#[derive(Debug, Clone)]
pub struct AnswerBeam {
    /// `[batch, beam]`.
    pub starts: Tensor<2, Int>,
    /// Log-probabilities of the starts, `[batch, beam]`.
    pub start_log_probs: Tensor<2>,
    /// Ends for each start, `[batch, beam, beam]`; one may lie before its start.
    pub ends: Tensor<3, Int>,
    /// Log-probabilities of the ends given their start, `[batch, beam, beam]`.
    pub end_log_probs: Tensor<3>,
    /// Log-probability of `[CLS]` as the start: that this input does not hold the answer, `[batch]`.
    pub no_start_log_prob: Tensor<1>,
    /// Logit that the question is impossible, `[batch]`; none from a model without the classifier.
    pub impossible: Option<Tensor<1>>,
}

/// What an [`AnswerBeam`] says of a row, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundAnswers {
    /// Without those that end before they start and those that start at `[CLS]`.
    pub spans: Vec<ScoredSpan>,
    /// Log-probability of `[CLS]` as the start.
    pub no_start_log_prob: f32,
    /// Logit that the question is impossible; none from a model without the classifier.
    pub impossible: Option<f32>,
}

/// A span of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredSpan {
    /// Its first position.
    pub first: usize,
    /// Its last position.
    pub last: usize,
    /// The log-probability of the start and of the end given that start.
    pub log_prob: f32,
}

impl ElectraForJointQuestionAnswering {
    /// As [`Self::answers`].
    pub fn beam(&self, reading: &QuestionReading) -> AnswerBeam {
        let [batch, length, _] = reading.hidden.dims();
        let beam = BEAM_SIZE.min(length);
        let log_probs = log_softmax(reading.start.clone(), 1);
        let (start_log_probs, starts) = log_probs.clone().topk_with_indices(beam, 1);
        let first = self
            .end
            .of_first(gather_positions(reading.hidden.clone(), starts.clone()));
        let second = self.end.of_second(reading.hidden.clone());
        // One start at a time: the hidden layer over all pairs would be large.
        let ends = (0..beam).map(|start| {
            let first = first.clone().narrow(1, start, 1);
            let logits = self.end.logits(first, second.clone()).cast(DType::F32);
            let log_probs = log_softmax(logits + reading.mask.clone(), 1);
            let (log_probs, ends) = log_probs.topk_with_indices(beam, 1);
            (log_probs.unsqueeze_dim(1), ends.unsqueeze_dim(1))
        });
        let (end_log_probs, ends): (Vec<Tensor<3>>, Vec<Tensor<3, Int>>) = ends.unzip();
        AnswerBeam {
            starts,
            start_log_probs,
            ends: Tensor::cat(ends, 1),
            end_log_probs: Tensor::cat(end_log_probs, 1),
            no_start_log_prob: log_probs.narrow(1, 0, 1).reshape([batch]),
            impossible: reading.impossible.clone(),
        }
    }
}

impl AnswerBeam {
    /// What is found in each row.
    ///
    /// # Errors
    /// The device cannot be read.
    pub fn rows(self) -> Result<Vec<FoundAnswers>, TensorReadError> {
        let [_, beam] = self.starts.dims();
        let log_probs = self.start_log_probs.unsqueeze_dim::<3>(2) + self.end_log_probs;
        let log_probs: Vec<f32> = log_probs.try_into_vec_as()?;
        let starts: Vec<i64> = self.starts.try_into_vec_as()?;
        let ends: Vec<i64> = self.ends.try_into_vec_as()?;
        let no_starts: Vec<f32> = self.no_start_log_prob.try_into_vec_as()?;
        let impossible = self.impossible.map(Tensor::try_into_vec_as::<f32>);
        let impossible = impossible.transpose()?;
        let span = |pair: usize| ScoredSpan {
            first: starts[pair / beam] as usize,
            last: ends[pair] as usize,
            log_prob: log_probs[pair],
        };
        let spans = |row: usize| {
            let pairs = row * beam * beam..(row + 1) * beam * beam;
            let spans = pairs.map(span);
            spans.filter(|span| 0 < span.first && span.first <= span.last)
        };
        let rows = no_starts.iter().enumerate();
        let rows = rows.map(|(row, &no_start_log_prob)| FoundAnswers {
            spans: spans(row).collect(),
            no_start_log_prob,
            impossible: impossible.as_ref().map(|logits| logits[row]),
        });
        Ok(rows.collect())
    }
}
