//! ROUGE (Lin, 2004), as Google's rouge_score 0.1.2 computes it.

mod porter;
mod subsequence;

pub use porter::porter_stem;

use super::error::check_references;
use super::multiset::{count, num_shared};
use super::{F1Score, MetricError};
use subsequence::{longest_common, summary_level_hits};

/// What is counted as a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rouge {
    /// Whether words of more than three characters are cut to their stem by [`porter_stem`].
    pub use_stemmer: bool,
}

/// Shares of words, from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RougeScores {
    /// Words in common.
    pub rouge1: F1Score,
    /// Pairs of words in common.
    pub rouge2: F1Score,
    /// The longest common subsequence of words.
    pub rouge_l: F1Score,
    /// For each sentence of the reference the words that are in a longest common subsequence with any sentence of the
    /// prediction. Sentences are lines.
    pub rouge_lsum: F1Score,
}

impl Rouge {
    /// The scores of a text, each against the reference with which its F1 is highest.
    ///
    /// # Errors
    /// There are no references.
    pub fn score(
        &self,
        prediction: &str,
        references: &[String],
    ) -> Result<RougeScores, MetricError> {
        let mut scores = references
            .iter()
            .map(|reference| self.pair(prediction, reference));
        let Some(first) = scores.next() else {
            return Err(MetricError::NoReference { index: 0 });
        };
        let better = |best: F1Score, other: F1Score| if other.f1 > best.f1 { other } else { best };
        Ok(scores.fold(first, |best, other| RougeScores {
            rouge1: better(best.rouge1, other.rouge1),
            rouge2: better(best.rouge2, other.rouge2),
            rouge_l: better(best.rouge_l, other.rouge_l),
            rouge_lsum: better(best.rouge_lsum, other.rouge_lsum),
        }))
    }

    /// The means over texts. (What `evaluate` prints for many is the median of means of random samples of them.)
    ///
    /// # Errors
    /// There are no predictions, not as many lists of references, or an empty one.
    pub fn corpus(
        &self,
        predictions: &[String],
        references: &[Vec<String>],
    ) -> Result<RougeScores, MetricError> {
        check_references(predictions, references)?;
        let pairs = predictions.iter().zip(references);
        let scores = pairs.map(|(prediction, references)| self.score(prediction, references));
        let scores: Vec<_> = scores.collect::<Result<_, _>>()?;
        let mean = |part: fn(&RougeScores) -> F1Score| F1Score::mean(scores.iter().map(part));
        Ok(RougeScores {
            rouge1: mean(|scores| scores.rouge1),
            rouge2: mean(|scores| scores.rouge2),
            rouge_l: mean(|scores| scores.rouge_l),
            rouge_lsum: mean(|scores| scores.rouge_lsum),
        })
    }

    fn pair(&self, prediction: &str, reference: &str) -> RougeScores {
        let (predicted, right) = (self.words(prediction), self.words(reference));
        let common = longest_common(&right, &predicted);
        let sentences = |text: &str| text.split('\n').map(|line| self.words(line)).collect();
        let (predicted_lines, right_lines): (Vec<_>, Vec<_>) =
            (sentences(prediction), sentences(reference));
        let hits = summary_level_hits(&right_lines, &predicted_lines);
        let score = |hits| F1Score::new(hits, predicted.len(), right.len());
        RougeScores {
            rouge1: ngram_score(&predicted, &right, 1),
            rouge2: ngram_score(&predicted, &right, 2),
            rouge_l: score(common),
            rouge_lsum: score(hits),
        }
    }

    /// The runs of ASCII letters and digits in lower case.
    fn words(&self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        let words = text.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
        let words = words.filter(|word| !word.is_empty());
        words
            .map(|word| match self.use_stemmer && word.len() > 3 {
                true => porter_stem(word),
                false => word.to_owned(),
            })
            .collect()
    }
}

fn ngram_score(predicted: &[String], right: &[String], length: usize) -> F1Score {
    let (predicted, right) = (predicted.windows(length), right.windows(length));
    let (num_predicted, num_references) = (predicted.len(), right.len());
    let num_right = num_shared(&count(predicted), &count(right));
    F1Score::new(num_right, num_predicted, num_references)
}
