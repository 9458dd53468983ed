use super::distribution::log_softmax;
use super::{LogitsProcessor, Step, for_each_row};

/// Makes scores that are no finite numbers some: NaN 0, infinities the largest finite numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoveInvalidValues;

impl LogitsProcessor for RemoveInvalidValues {
    fn process(&self, _: &Step<'_>, scores: &mut [f32]) {
        for score in scores {
            *score = if score.is_nan() {
                0.0
            } else {
                score.clamp(f32::MIN, f32::MAX)
            };
        }
    }
}

/// Makes scores log-probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct LogitNormalization;

impl LogitsProcessor for LogitNormalization {
    fn process(&self, step: &Step<'_>, scores: &mut [f32]) {
        for_each_row(step, scores, |_, row| log_softmax(row));
    }
}
