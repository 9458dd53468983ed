//! Texts that are equal.

use super::MetricError;
use super::error::check_references;

/// Share of the predictions that equal one of their references, character by character: `exact_match` of Hugging
/// Face's `evaluate` without its options, and the best over several references.
///
/// # Errors
/// There are no predictions, not as many lists of references, or an empty one.
pub fn exact_match(predictions: &[String], references: &[Vec<String>]) -> Result<f64, MetricError> {
    check_references(predictions, references)?;
    let pairs = predictions.iter().zip(references);
    let num_right = pairs
        .filter(|(predicted, right)| right.contains(predicted))
        .count();
    Ok(num_right as f64 / predictions.len() as f64)
}
