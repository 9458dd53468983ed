//! Correlations of predicted values, as SciPy 1.17 computes them.

use super::MetricError;
use super::error::check_lengths;

/// Correlation of the values: `scipy.stats.pearsonr`. NaN where all values of a side are equal, or one is not finite.
///
/// # Errors
/// There are fewer than two predictions, or not as many references.
pub fn pearson(predictions: &[f64], references: &[f64]) -> Result<f64, MetricError> {
    check_lengths(predictions.len(), references.len(), 2)?;
    let (Some(left), Some(right)) = (direction(predictions), direction(references)) else {
        return Ok(f64::NAN);
    };
    let products = left.iter().zip(&right).map(|(left, right)| left * right);
    let correlation = products.sum::<f64>().clamp(-1.0, 1.0);
    // Two points lie on a line.
    Ok(if predictions.len() == 2 {
        correlation.round()
    } else {
        correlation
    })
}

/// Correlation of the ranks, equal values sharing their mean rank: `scipy.stats.spearmanr`. NaN where all values of a
/// side are equal, or one is NaN.
///
/// # Errors
/// There are fewer than two predictions, or not as many references.
pub fn spearman(predictions: &[f64], references: &[f64]) -> Result<f64, MetricError> {
    check_lengths(predictions.len(), references.len(), 2)?;
    if predictions
        .iter()
        .chain(references)
        .any(|value| value.is_nan())
    {
        return Ok(f64::NAN);
    }
    pearson(&mean_ranks(predictions), &mean_ranks(references))
}

/// What is left of the values without their mean, at length one. None where they are all equal.
fn direction(values: &[f64]) -> Option<Vec<f64>> {
    if values.iter().all(|value| *value == values[0]) {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let centred = values.iter().map(|value| value - mean);
    // Scaled first, so that no square overflows.
    let largest = centred
        .clone()
        .fold(0.0, |most: f64, value| most.max(value.abs()));
    let scaled = centred.map(|value| value / largest);
    let norm = scaled
        .clone()
        .map(|value| value * value)
        .sum::<f64>()
        .sqrt();
    Some(scaled.map(|value| value / norm).collect())
}

fn mean_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = (0..values.len()).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    let mut ranks = vec![0.0; values.len()];
    let mut num_before = 0;
    for ties in order.chunk_by(|left, right| values[*left] == values[*right]) {
        for index in ties {
            ranks[*index] = num_before as f64 + (ties.len() as f64 + 1.0) / 2.0;
        }
        num_before += ties.len();
    }
    ranks
}
