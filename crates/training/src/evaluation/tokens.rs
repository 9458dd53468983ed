//! Scores of predicted target tokens.

use std::collections::BTreeMap;

/// Collects losses and predictions of target tokens.
#[derive(Debug, Clone, Default)]
pub struct TokenScores {
    loss: f64,
    num_right: usize,
    frequencies: BTreeMap<u32, usize>,
}

impl TokenScores {
    /// Adds the summed loss of a batch.
    pub fn add_loss(&mut self, sum: f32) {
        self.loss += f64::from(sum);
    }

    /// Adds one target token, and whether it was the likeliest.
    pub fn add(&mut self, target: u32, is_right: bool) {
        self.num_right += usize::from(is_right);
        *self.frequencies.entry(target).or_default() += 1;
    }

    /// The scores. `unigram_entropy` is the loss of the best answer that ignores the input: the
    /// model has learned more than how frequent tokens are where `loss` is below it.
    pub fn scores(&self) -> Vec<(String, f64)> {
        let total = self.frequencies.values().sum::<usize>().max(1) as f64;
        let entropy: f64 = self
            .frequencies
            .values()
            .map(|count| *count as f64 / total)
            .map(|probability| -probability * probability.ln())
            .sum();
        [
            ("loss", self.loss / total),
            ("unigram_entropy", entropy),
            ("token_accuracy", self.num_right as f64 / total),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_the_token_frequencies() {
        let mut tokens = TokenScores::default();
        for target in [5, 5, 6, 7] {
            tokens.add(target, target == 5);
        }
        tokens.add_loss(2.0);
        let scores = tokens.scores();
        assert_eq!(scores[0].1, 0.5);
        assert!((scores[1].1 - 1.5 * 2f64.ln()).abs() < 1e-12);
        assert_eq!(scores[2].1, 0.5);
    }
}
