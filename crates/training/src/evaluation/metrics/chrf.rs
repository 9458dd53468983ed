//! chrF (Popović, 2015) and chrF++ (Popović, 2017), as sacreBLEU 2.6 computes them.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use super::MetricError;
use super::bleu::{SACREBLEU, num_references};
use super::error::check_references;
use super::multiset::{count, num_shared};
use super::text::{is_space, words};

/// n-grams of up to so many characters.
const CHARACTER_ORDER: usize = 6;
/// How much more recall counts than precision.
const BETA: f64 = 2.0;

/// How chrF is computed. The default is sacreBLEU's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chrf {
    /// n-grams of up to so many words count too: 0 is chrF, 2 is chrF++.
    pub word_order: u8,
    /// Whether case does not count.
    pub lowercase: bool,
}

/// chrF. Printed, it is sacreBLEU's line.
#[derive(Debug, Clone, PartialEq)]
pub struct ChrfScore {
    /// From 0 to 100.
    pub score: f64,
    /// What it is called, as in "chrF2++".
    pub name: String,
    /// What has to be said beside the score, in sacreBLEU's words.
    pub signature: String,
}

impl fmt::Display for ChrfScore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}|{} = {:.2}",
            self.name, self.signature, self.score
        )
    }
}

impl Chrf {
    /// chrF of all texts together. Of several references the one counts with which the text's own score is highest.
    ///
    /// # Errors
    /// There are no predictions, not as many lists of references, or an empty one.
    pub fn corpus(
        &self,
        predictions: &[String],
        references: &[Vec<String>],
    ) -> Result<ChrfScore, MetricError> {
        check_references(predictions, references)?;
        let mut sums = vec![Matches::default(); CHARACTER_ORDER + usize::from(self.word_order)];
        for (prediction, references) in predictions.iter().zip(references) {
            for (sum, best) in sums.iter_mut().zip(self.best(prediction, references)) {
                sum.num_predicted += best.num_predicted;
                sum.num_reference += best.num_reference;
                sum.num_right += best.num_right;
            }
        }
        let case = if self.lowercase { "lc" } else { "mixed" };
        Ok(ChrfScore {
            score: f_score(&sums),
            name: format!("chrF{BETA}{}", "+".repeat(self.word_order.into())),
            signature: format!(
                "nrefs:{}|case:{case}|eff:yes|nc:{CHARACTER_ORDER}|nw:{}|space:no|version:{SACREBLEU}",
                num_references(references),
                self.word_order,
            ),
        })
    }

    /// chrF of one text.
    ///
    /// # Errors
    /// There are no references.
    pub fn sentence(
        &self,
        prediction: &str,
        references: &[String],
    ) -> Result<ChrfScore, MetricError> {
        self.corpus(&[prediction.to_owned()], &[references.to_vec()])
    }

    fn best(&self, prediction: &str, references: &[String]) -> Vec<Matches> {
        let prediction = Text::new(prediction, self.lowercase);
        let matches = references.iter().map(|reference| {
            let reference = Text::new(reference, self.lowercase);
            let characters = (1..=CHARACTER_ORDER).map(|n| {
                Matches::new(
                    &prediction.character_ngrams(n),
                    &reference.character_ngrams(n),
                )
            });
            let (predicted, right) = (prediction.words(), reference.words());
            let words = (1..=self.word_order.into())
                .map(|n| Matches::new(&count(predicted.windows(n)), &count(right.windows(n))));
            characters.chain(words).collect::<Vec<_>>()
        });
        let (mut best, mut best_score) = (Vec::new(), -1.0);
        for matches in matches {
            let score = f_score(&matches);
            if score > best_score {
                (best, best_score) = (matches, score);
            }
        }
        best
    }
}

/// A text in the case that counts.
struct Text {
    text: String,
    /// Without white space.
    dense: String,
    /// Where its characters start, and the end.
    boundaries: Vec<usize>,
}

impl Text {
    fn new(text: &str, lowercase: bool) -> Self {
        let text = if lowercase {
            text.to_lowercase()
        } else {
            text.to_owned()
        };
        let dense = text.replace(is_space, "");
        let mut boundaries: Vec<_> = dense.char_indices().map(|(index, _)| index).collect();
        boundaries.push(dense.len());
        Self {
            text,
            dense,
            boundaries,
        }
    }

    fn character_ngrams(&self, order: usize) -> HashMap<&str, usize> {
        let spans = self.boundaries.windows(order + 1);
        count(spans.map(|span| &self.dense[span[0]..span[order]]))
    }

    /// The words, one punctuation mark at their end, or else at their beginning, cut off.
    fn words(&self) -> Vec<&str> {
        let is_mark = |c: char| c.is_ascii_punctuation();
        let split = |word: &str| {
            if word.len() < 2 {
                None
            } else if word.ends_with(is_mark) {
                Some(word.len() - 1)
            } else {
                word.starts_with(is_mark).then_some(1)
            }
        };
        let words = words(&self.text).flat_map(|word| match split(word) {
            Some(middle) => vec![&word[..middle], &word[middle..]],
            None => vec![word],
        });
        words.collect()
    }
}

/// The n-grams of one order.
#[derive(Debug, Clone, Copy, Default)]
struct Matches {
    num_predicted: usize,
    num_reference: usize,
    num_right: usize,
}

impl Matches {
    fn new<T: Eq + Hash>(predicted: &HashMap<T, usize>, reference: &HashMap<T, usize>) -> Self {
        Self {
            // Where the reference is too short, the order does not count.
            num_predicted: if reference.is_empty() {
                0
            } else {
                predicted.values().sum()
            },
            num_reference: reference.values().sum(),
            num_right: num_shared(predicted, reference),
        }
    }
}

/// The F score of the mean precision and the mean recall over the orders that both sides have, in percent.
fn f_score(orders: &[Matches]) -> f64 {
    let counted = orders
        .iter()
        .filter(|order| order.num_predicted > 0 && order.num_reference > 0);
    let (mut precision, mut recall, mut num_orders) = (0.0, 0.0, 0.0_f64);
    for order in counted {
        precision += order.num_right as f64 / order.num_predicted as f64;
        recall += order.num_right as f64 / order.num_reference as f64;
        num_orders += 1.0;
    }
    precision /= num_orders.max(1.0);
    recall /= num_orders.max(1.0);
    if precision + recall == 0.0 {
        return 0.0;
    }
    let factor = BETA * BETA;
    100.0 * (1.0 + factor) * precision * recall / (factor * precision + recall)
}
