//! Why a model answers as it does, as far as its attention and its gradients tell.
//!
//! Each pipeline with an `explain` answers a text and says what it looked at; [`page`] makes a page in HTML of that,
//! which needs nothing else.
//!
//! ```
//! use lamplight_pipelines::{Detector, explain::page};
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_detect");
//! # let device = lamplight_testing::test_device();
//! let detector = Detector::from_pretrained(folder.as_ref(), &device)?;
//! let explanation = detector.explain("The old cat sings.")?;
//! let html = page(&[explanation], 1);
//! # assert!(html.starts_with("<!doctype html>"));
//! # Ok::<(), lamplight_pipelines::PipelineError>(())
//! ```

mod attention;
mod electra;
mod integrated_gradients;
mod page;
mod pipelines;
mod sequence;

pub use attention::AttentionMaps;
pub use page::{EXPLANATION_TITLE, MAX_EXPLAINED, page};
pub use sequence::SequenceExplainer;

use crate::DetectedToken;
use integrated_gradients::{Accuracy, Integral};

/// What is known of an answer to one text.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// The text as it was given; of several that belong together all.
    pub texts: Vec<String>,
    /// What the model said.
    pub answer: String,
    /// What each token of the input contributed to that.
    pub attribution: Option<Attribution>,
    /// How replaced each token of the text seems.
    pub detected: Option<Vec<DetectedToken>>,
    /// Where the layers looked.
    pub attentions: Vec<AttentionMaps>,
    /// What is missing, and why.
    pub notes: Vec<String>,
}

/// How a score is shared out among the tokens of an input, by integrated gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribution {
    /// The score: `the logit of good`.
    pub of: String,
    /// The tokens as the vocabulary writes them, `[length]`.
    pub tokens: Vec<String>,
    /// What each adds to the score, `[length]`; together `score - baseline_score`, up to `error`.
    pub values: Vec<f64>,
    /// The token that stands in each place of the baseline, but for special ones, which stay.
    pub baseline: String,
    /// The score of the input.
    pub score: f64,
    /// The score of the baseline.
    pub baseline_score: f64,
    /// How far the sum of `values` is from `score - baseline_score`.
    pub error: f64,
    /// The error that was aimed at; where `error` is larger, [`MAX_GRADIENTS`] were not enough.
    pub tolerance: f64,
    /// Points of the path at which gradients were taken.
    pub num_gradients: usize,
}

/// At so many points of the path gradients are taken at most.
pub const MAX_GRADIENTS: usize = 256;
/// The error that is aimed at, relative to the difference of the scores.
pub const RELATIVE_TOLERANCE: f64 = 1e-2;
/// The error that does for small differences. Scores are computed in 32 bits, in which long answers have errors of about
/// 1e-5.
pub const ABSOLUTE_TOLERANCE: f64 = 1e-4;

/// The tokens of a row, and how it is named in an attribution.
struct Attributed {
    of: String,
    tokens: Vec<String>,
    baseline: String,
}

impl Attributed {
    fn by(self, integral: Integral) -> Attribution {
        Attribution {
            of: self.of,
            tokens: self.tokens,
            baseline: self.baseline,
            values: integral.values,
            score: integral.score,
            baseline_score: integral.baseline_score,
            error: integral.error,
            tolerance: integral.tolerance,
            num_gradients: integral.num_gradients,
        }
    }
}

impl Attribution {
    /// What the attributions sum up to, up to `error`.
    pub fn difference(&self) -> f64 {
        self.score - self.baseline_score
    }
}

/// How closely rows of `length` positions are attributed, `max_tokens` of which go through the model together.
fn accuracy(length: usize, max_tokens: usize) -> Accuracy {
    Accuracy {
        relative: RELATIVE_TOLERANCE,
        absolute: ABSOLUTE_TOLERANCE,
        max_gradients: MAX_GRADIENTS,
        batch: (max_tokens / length.max(1)).max(1),
    }
}
