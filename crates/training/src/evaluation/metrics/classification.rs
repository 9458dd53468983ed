//! Metrics of predicted classes, as scikit-learn 1.9 computes them.

use std::collections::BTreeMap;

use super::error::check_lengths;
use super::{F1Score, MetricError};

/// Share of the predictions that are right: `sklearn.metrics.accuracy_score`. It is also the micro F1 of single labels.
///
/// # Errors
/// There are no predictions, or not as many references.
pub fn accuracy<L: PartialEq>(predictions: &[L], references: &[L]) -> Result<f64, MetricError> {
    check_lengths(predictions.len(), references.len(), 1)?;
    let pairs = predictions.iter().zip(references);
    let num_right = pairs
        .filter(|(predicted, right)| predicted == right)
        .count();
    Ok(num_right as f64 / predictions.len() as f64)
}

/// F1 of one class: `sklearn.metrics.f1_score(average="binary")`, whose `pos_label` is `positive`. A class that comes
/// neither among predictions nor references has zeros, even where scikit-learn refuses it.
///
/// # Errors
/// There are no predictions, or not as many references.
pub fn binary_f1<L: PartialEq>(
    predictions: &[L],
    references: &[L],
    positive: &L,
) -> Result<F1Score, MetricError> {
    check_lengths(predictions.len(), references.len(), 1)?;
    let count = |labels: &[L]| labels.iter().filter(|label| *label == positive).count();
    let pairs = predictions.iter().zip(references);
    let num_right = pairs.filter(|(predicted, right)| *predicted == positive && *right == positive);
    Ok(F1Score::new(
        num_right.count(),
        count(predictions),
        count(references),
    ))
}

/// Means over the classes that come among predictions or references: `sklearn.metrics.f1_score(average="macro")`.
///
/// # Errors
/// There are no predictions, or not as many references.
pub fn macro_f1<L: Ord>(predictions: &[L], references: &[L]) -> Result<F1Score, MetricError> {
    check_lengths(predictions.len(), references.len(), 1)?;
    let classes = count_classes(predictions, references);
    Ok(F1Score::mean(classes.values().map(|class| {
        F1Score::new(class.num_right, class.num_predicted, class.num_references)
    })))
}

/// Correlation of predicted and right classes, for any number of classes: `sklearn.metrics.matthews_corrcoef`
/// (Matthews, 1975; Gorodkin, 2004). 0 where all predictions, or all references, are of one class.
///
/// # Errors
/// There are no predictions, or not as many references.
pub fn matthews<L: Ord>(predictions: &[L], references: &[L]) -> Result<f64, MetricError> {
    check_lengths(predictions.len(), references.len(), 1)?;
    let classes = count_classes(predictions, references);
    let sum = |part: fn(&ClassCounts) -> f64| classes.values().map(part).sum::<f64>();
    let total = predictions.len() as f64;
    let num_right = sum(|class| class.num_right as f64);
    let both = sum(|class| class.num_predicted as f64 * class.num_references as f64);
    let predicted = sum(|class| (class.num_predicted as f64).powi(2));
    let right = sum(|class| (class.num_references as f64).powi(2));
    let variances = (total * total - predicted) * (total * total - right);
    Ok(if variances == 0.0 {
        0.0
    } else {
        (num_right * total - both) / variances.sqrt()
    })
}

#[derive(Default)]
struct ClassCounts {
    num_right: usize,
    num_predicted: usize,
    num_references: usize,
}

fn count_classes<'a, L: Ord>(
    predictions: &'a [L],
    references: &'a [L],
) -> BTreeMap<&'a L, ClassCounts> {
    let mut classes = BTreeMap::<_, ClassCounts>::new();
    for (predicted, right) in predictions.iter().zip(references) {
        classes.entry(predicted).or_default().num_predicted += 1;
        let class = classes.entry(right).or_default();
        class.num_references += 1;
        class.num_right += usize::from(predicted == right);
    }
    classes
}
