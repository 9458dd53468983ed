//! Why there is no score.

use super::Metric;
use super::entities::Scheme;

/// What cannot be scored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// A metric of this name is not known.
    #[error("there is no metric `{name}`; known are {}", known_names())]
    Unknown {
        /// The name.
        name: String,
    },
    /// The metric is one of other predictions.
    #[error("the metric `{metric}` does not score {given}")]
    Kind {
        /// The metric.
        metric: Metric,
        /// What was given.
        given: &'static str,
    },
    /// Not every prediction has its reference.
    #[error("{predictions} predictions cannot be held against {references} references")]
    Lengths {
        /// How many predictions there are.
        predictions: usize,
        /// How many references there are.
        references: usize,
    },
    /// Not every tag of a sequence has its reference.
    #[error(
        "sequence {index}: {predictions} predicted tags cannot be held against {references} tags"
    )]
    TagLengths {
        /// The sequence, counted from zero.
        index: usize,
        /// How many predicted tags it has.
        predictions: usize,
        /// How many tags its reference has.
        references: usize,
    },
    /// There are too few predictions for the metric to be defined.
    #[error("the metric needs at least {needed} of what it is a mean over, and was given {given}")]
    TooFew {
        /// How many it needs.
        needed: usize,
        /// How many there are.
        given: usize,
    },
    /// A prediction has nothing that it could be held against.
    #[error("prediction {index} has no reference")]
    NoReference {
        /// The prediction, counted from zero.
        index: usize,
    },
    /// A probability is no number.
    #[error("the probability of question {index} is not a number")]
    NotANumber {
        /// The question, counted from zero.
        index: usize,
    },
    /// A tag is empty.
    #[error("sequence {index} has an empty tag")]
    EmptyTag {
        /// The sequence, counted from zero.
        index: usize,
    },
    /// A tag is none of the scheme.
    #[error("sequence {index}: `{tag}` is no tag of {scheme}")]
    ForeignTag {
        /// The sequence, counted from zero.
        index: usize,
        /// The tag.
        tag: String,
        /// The scheme.
        scheme: Scheme,
    },
}

fn known_names() -> String {
    Metric::ALL.map(Metric::name).join(", ")
}

/// Checks that there are at least `needed` predictions and as many references.
pub(super) fn check_lengths(
    predictions: usize,
    references: usize,
    needed: usize,
) -> Result<(), MetricError> {
    if predictions != references {
        return Err(MetricError::Lengths {
            predictions,
            references,
        });
    }
    if predictions < needed {
        let given = predictions;
        return Err(MetricError::TooFew { needed, given });
    }
    Ok(())
}

/// Checks that there are predictions, and for each at least one reference.
pub(super) fn check_references(
    predictions: &[String],
    references: &[Vec<String>],
) -> Result<(), MetricError> {
    check_lengths(predictions.len(), references.len(), 1)?;
    match references.iter().position(Vec::is_empty) {
        Some(index) => Err(MetricError::NoReference { index }),
        None => Ok(()),
    }
}
