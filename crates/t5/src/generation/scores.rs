//! Scores of the next id on the host.

/// One of many scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub index: usize,
    pub score: f32,
}

/// The `num` largest scores, the largest first; of equal ones the first. What is no number counts as
/// removed.
pub(super) fn best_candidates(scores: &[f32], num: usize) -> Vec<Candidate> {
    let mut best: Vec<Candidate> = Vec::with_capacity(num + 1);
    for (index, &score) in scores.iter().enumerate() {
        let is_full = best.len() == num;
        let score = if score.is_nan() {
            f32::NEG_INFINITY
        } else {
            score
        };
        if is_full && best.last().is_none_or(|worst| score <= worst.score) {
            continue;
        }
        let place = best.partition_point(|better| better.score >= score);
        best.insert(place, Candidate { index, score });
        best.truncate(num);
    }
    best
}

/// The index of the largest score; of equal ones the first.
pub(super) fn argmax(scores: &[f32]) -> usize {
    let best = best_candidates(scores, 1);
    best.first().map_or(0, |candidate| candidate.index)
}

/// `exp(score - largest score)` of each.
pub(super) fn exponentials(scores: &[f32]) -> impl Iterator<Item = f64> + Clone + '_ {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter().map(move |&score| {
        if score == f32::NEG_INFINITY {
            0.0
        } else {
            f64::from(score - largest).exp()
        }
    })
}

/// What turns scores into log-probabilities.
#[derive(Debug, Clone, Copy)]
pub(super) struct Normalizer {
    largest: f32,
    log_total: f64,
}

impl Normalizer {
    /// For the softmax of `scores`.
    pub(super) fn of(scores: &[f32]) -> Self {
        Self {
            largest: scores.iter().copied().fold(f32::NEG_INFINITY, f32::max),
            log_total: exponentials(scores).sum::<f64>().ln(),
        }
    }

    /// The logarithm of the probability that goes with one of the scores.
    pub(super) fn log_probability(self, score: f32) -> f32 {
        (f64::from(score - self.largest) - self.log_total) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_candidates_are_sorted_and_the_first_of_equal_ones_wins() {
        let scores = [1.0, 3.0, f32::NEG_INFINITY, 3.0, 2.0, f32::NAN];
        let indices = |num| {
            let best = best_candidates(&scores, num);
            best.iter().map(|best| best.index).collect::<Vec<_>>()
        };
        assert_eq!(indices(3), [1, 3, 4]);
        assert_eq!(indices(1), [1]);
        assert_eq!(indices(0), [0; 0]);
        assert_eq!(best_candidates(&scores, 10).len(), 6);
        assert_eq!(argmax(&[]), 0);
    }

    #[test]
    fn log_probabilities_are_those_of_the_softmax() {
        let scores = [1.0, 2.0, f32::NEG_INFINITY];
        let probability = f64::from(Normalizer::of(&scores).log_probability(2.0)).exp();
        assert!((probability - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-6);
    }
}
