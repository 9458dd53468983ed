//! Probabilities of one row of scores, rounded as in f32; sums are in f64.

use std::cmp::Ordering;

/// `softmax(scores)`.
pub(in crate::generation) fn softmax(scores: &[f32]) -> Vec<f32> {
    let largest = largest(scores);
    let mut exponentials: Vec<_> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum = sum(&exponentials) as f32;
    for value in &mut exponentials {
        *value /= sum;
    }
    exponentials
}

/// Replaces scores by `log_softmax(scores)`. A row without any id stays one.
pub(super) fn log_softmax(scores: &mut [f32]) {
    let largest = largest(scores);
    if largest == f32::NEG_INFINITY {
        return;
    }
    let exponentials = scores
        .iter()
        .map(|score| f64::from((score - largest).exp()));
    let log_sum = exponentials.sum::<f64>().ln() as f32;
    for score in scores {
        *score = *score - largest - log_sum;
    }
}

/// The entropy, in nats, of log-probabilities.
pub(super) fn entropy(log_probabilities: &[f32]) -> f64 {
    let terms = log_probabilities.iter().map(|&log| entropy_term(log));
    terms.sum()
}

/// What an id of this log-probability adds to the entropy.
pub(super) fn entropy_term(log_probability: f32) -> f64 {
    let log = f64::from(log_probability);
    if log == f64::NEG_INFINITY {
        0.0
    } else {
        -log * log.exp()
    }
}

/// The sum of values.
pub(super) fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

fn largest(scores: &[f32]) -> f32 {
    scores.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// Orders by value, ascending; what is no number comes last.
pub(super) fn ascending(a: &f32, b: &f32) -> Ordering {
    let nan_last = || a.is_nan().cmp(&b.is_nan());
    a.partial_cmp(b).unwrap_or_else(nan_last)
}

/// The order of ids by their scores, best first; of equal ones the earlier.
pub(super) fn best_first(scores: &[f32]) -> impl Fn(usize, usize) -> Ordering {
    |a, b| ascending(&scores[b], &scores[a]).then(a.cmp(&b))
}

/// The value that `rank - 1` of `values` go before, best first; the worst where there are fewer.
pub(super) fn ranked_value(values: &[f32], rank: usize) -> f32 {
    let mut values = values.to_vec();
    let index = rank.clamp(1, values.len().max(1)) - 1;
    if index >= values.len() {
        return f32::NEG_INFINITY;
    }
    let (_, value, _) = values.select_nth_unstable_by(index, |a, b| ascending(b, a));
    *value
}

/// Visits the indices `0..count` in the order of `compare`, which has no ties, until `visit`
/// answers false. Only as many are sorted as are visited, more or less.
pub(super) fn visit_in_order(
    count: usize,
    compare: impl Fn(usize, usize) -> Ordering,
    mut visit: impl FnMut(usize) -> bool,
) {
    let mut indices: Vec<usize> = (0..count).collect();
    let compare = |a: &usize, b: &usize| compare(*a, *b);
    let (mut rest, mut wanted) = (indices.as_mut_slice(), 128);
    while !rest.is_empty() {
        let split = wanted.min(rest.len());
        if split < rest.len() {
            rest.select_nth_unstable_by(split, compare);
        }
        let (next, others) = rest.split_at_mut(split);
        next.sort_unstable_by(compare);
        if !next.iter().all(|&index| visit(index)) {
            return;
        }
        (rest, wanted) = (others, wanted * 4);
    }
}
