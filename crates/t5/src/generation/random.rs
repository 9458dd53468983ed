//! Random choices that depend on a seed alone.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::scores::{Candidate, best_candidates, exponentials};

/// The random numbers of one answer.
#[derive(Debug, Clone)]
pub(super) struct Random(ChaCha8Rng);

impl Random {
    /// The `answer`-th answer to an input that has this seed.
    pub(super) fn new(seed: u64, answer: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(answer as u64);
        Self(rng)
    }

    /// Uniform in `[0, 1)`.
    pub(super) fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// Draws an index with the probability that the softmax of `scores` gives it.
    pub(super) fn sample(&mut self, scores: &[f32]) -> usize {
        self.weighted(exponentials(scores))
    }

    /// Draws an index with a probability in proportion to its weight; the first where all weights
    /// are zero.
    pub(super) fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let total: f64 = weights.clone().sum();
        let mut left = self.uniform() * total;
        let mut last_possible = 0;
        for (index, weight) in weights.enumerate() {
            if weight > 0.0 {
                if left < weight {
                    return index;
                }
                left -= weight;
                last_possible = index;
            }
        }
        last_possible
    }

    /// Draws `num` different indices, each time with the probabilities that the softmax of the
    /// remaining `scores` gives, in the order of the draws: those of the largest sums of score and
    /// Gumbel noise (Kool et al. 2019, "Stochastic Beams and Where to Find Them").
    pub(super) fn without_replacement(&mut self, scores: &[f32], num: usize) -> Vec<Candidate> {
        let mut noisy = |score: f32| {
            if score == f32::NEG_INFINITY {
                return score;
            }
            let uniform = 1.0 - self.uniform(); // in (0, 1]
            score - (-uniform.ln()).ln() as f32
        };
        let perturbed: Vec<f32> = scores.iter().map(|&score| noisy(score)).collect();
        let mut drawn = best_candidates(&perturbed, num);
        for candidate in &mut drawn {
            candidate.score = scores[candidate.index];
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::super::processors::softmax;
    use super::*;

    /// Chi-squared of the counts of `num_draws` draws against their probabilities.
    fn chi_squared(counts: &[usize], probabilities: &[f32], num_draws: usize) -> f64 {
        let terms = counts.iter().zip(probabilities).map(|(&count, &share)| {
            let expected = f64::from(share) * num_draws as f64;
            (count as f64 - expected).powi(2) / expected
        });
        terms.sum()
    }

    const SCORES: [f32; 6] = [0.3, -1.2, 2.0, f32::NEG_INFINITY, 0.9, 1.1];

    #[test]
    fn what_cannot_be_is_never_drawn_and_the_rest_as_often_as_the_softmax_says() {
        let mut random = Random::new(7, 0);
        let mut counts = [0; 6];
        for _ in 0..100_000 {
            counts[random.sample(&SCORES)] += 1;
        }
        assert_eq!(counts[3], 0);
        let possible = [0, 1, 2, 4, 5];
        let counts = possible.map(|index| counts[index]);
        let probabilities = softmax(&SCORES);
        let probabilities = possible.map(|index| probabilities[index]);
        // 0.999 quantile for 4 degrees of freedom.
        assert!(chi_squared(&counts, &probabilities, 100_000) < 18.47);
    }

    #[test]
    fn pairs_without_replacement_come_in_the_order_of_successive_draws() {
        let mut random = Random::new(8, 0);
        let scores = [0.5, -0.5, 1.0, 0.0];
        let single = softmax(&scores);
        let mut counts = [0; 16];
        for _ in 0..100_000 {
            let drawn = random.without_replacement(&scores, 2);
            counts[4 * drawn[0].index + drawn[1].index] += 1;
        }
        let pairs = (0..16).filter(|pair| pair / 4 != pair % 4);
        let (counts, probabilities): (Vec<usize>, Vec<f32>) = pairs
            .map(|pair| {
                let (first, second) = (single[pair / 4], single[pair % 4]);
                (counts[pair], first * second / (1.0 - first))
            })
            .unzip();
        assert_eq!(counts.iter().sum::<usize>(), 100_000);
        // 0.999 quantile for 11 degrees of freedom.
        assert!(chi_squared(&counts, &probabilities, 100_000) < 31.26);
    }

    #[test]
    fn answers_of_one_seed_differ_and_repeat() {
        let draws = |answer| Random::new(3, answer).uniform();
        assert_eq!(draws(0), draws(0));
        assert_ne!(draws(0), draws(1));
    }
}
