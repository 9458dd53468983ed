//! What BLEU is computed from.

use std::collections::HashMap;

use super::MAX_ORDER;
use crate::evaluation::metrics::multiset::count;
use crate::evaluation::metrics::text::words;

/// Sums over texts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) num_right: [usize; MAX_ORDER],
    pub(super) num_ngrams: [usize; MAX_ORDER],
    pub(super) num_words: usize,
    pub(super) num_reference_words: usize,
}

impl Counts {
    /// Adds a text, tokenised as its references. An n-gram is right as often as it comes in the reference in which it
    /// comes most.
    pub(super) fn add(&mut self, prediction: &str, references: &[String]) {
        let prediction: Vec<_> = words(prediction).collect();
        let references: Vec<Vec<_>> = references
            .iter()
            .map(|text| words(text).collect())
            .collect();
        let mut most = HashMap::new();
        for reference in &references {
            for (ngram, count) in count_ngrams(reference) {
                let most: &mut usize = most.entry(ngram).or_default();
                *most = count.max(*most);
            }
        }
        for (ngram, count) in count_ngrams(&prediction) {
            self.num_ngrams[ngram.len() - 1] += count;
            self.num_right[ngram.len() - 1] += most.get(ngram).map_or(0, |most| count.min(*most));
        }
        let num_words = prediction.len();
        self.num_words += num_words;
        let lengths = references.iter().map(Vec::len);
        let nearest = lengths.min_by_key(|length| (length.abs_diff(num_words), *length));
        self.num_reference_words += nearest.unwrap_or(0);
    }

    pub(super) fn brevity_penalty(&self) -> f64 {
        if self.num_words >= self.num_reference_words {
            1.0
        } else if self.num_words == 0 {
            0.0
        } else {
            (1.0 - self.num_reference_words as f64 / self.num_words as f64).exp()
        }
    }
}

fn count_ngrams<'a, 'b>(words: &'b [&'a str]) -> HashMap<&'b [&'a str], usize> {
    count((1..=MAX_ORDER).flat_map(|order| words.windows(order)))
}
