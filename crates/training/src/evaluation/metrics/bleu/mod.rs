//! BLEU (Papineni et al., 2002), as sacreBLEU 2.6 computes it (Post, 2018).

mod counts;
mod tokenizer;

pub use tokenizer::BleuTokenizer;

use std::fmt;

use super::MetricError;
use super::error::check_references;
use super::text::is_space;
use counts::Counts;

/// n-grams of up to so many words.
pub const MAX_ORDER: usize = 4;

/// The sacreBLEU whose numbers these are, which its signatures name.
pub(super) const SACREBLEU: &str = "2.6.0";

/// What becomes of an order of which no n-gram is right, which would make the score 0 (Chen and Cherry, 2014).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothing {
    /// Nothing.
    None,
    /// As if so much of an n-gram were right; sacreBLEU's own is 0.1.
    Floor(f64),
    /// As if so many more n-grams were predicted and right, of all orders above one; sacreBLEU's own is 1.
    AddK(f64),
    /// As if half an n-gram were right, with the next such order a quarter, and so on.
    Exponential,
}

/// How BLEU is computed. The default is sacreBLEU's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bleu {
    /// What makes words of texts.
    pub tokenizer: BleuTokenizer,
    /// What becomes of orders of which no n-gram is right.
    pub smoothing: Smoothing,
    /// Whether case does not count.
    pub lowercase: bool,
    /// Whether orders are left out for which the texts are too short; for single sentences.
    pub effective_order: bool,
}

impl Default for Bleu {
    fn default() -> Self {
        Self {
            tokenizer: BleuTokenizer::V13a,
            smoothing: Smoothing::Exponential,
            lowercase: false,
            effective_order: false,
        }
    }
}

/// BLEU and what it is made of. Printed, it is sacreBLEU's line.
#[derive(Debug, Clone, PartialEq)]
pub struct BleuScore {
    /// From 0 to 100.
    pub score: f64,
    /// By order, how many of the n-grams are right, before smoothing.
    pub num_right: [usize; MAX_ORDER],
    /// By order, how many there are.
    pub num_ngrams: [usize; MAX_ORDER],
    /// By order, the smoothed precision in percent; 0 for all where no word is right.
    pub precisions: [f64; MAX_ORDER],
    /// The factor for predictions shorter than their references.
    pub brevity_penalty: f64,
    /// Words of the predictions.
    pub num_words: usize,
    /// Words of the references; of several, of the one whose length is nearest.
    pub num_reference_words: usize,
    /// What has to be said beside the score, in sacreBLEU's words.
    pub signature: String,
}

impl fmt::Display for BleuScore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precisions = self.precisions.map(|precision| format!("{precision:.1}"));
        let (words, reference_words) = (self.num_words, self.num_reference_words);
        let ratio = if reference_words == 0 {
            0.0
        } else {
            words as f64 / reference_words as f64
        };
        write!(
            formatter,
            "BLEU|{} = {:.2} {} (BP = {:.3} ratio = {ratio:.3} hyp_len = {words} ref_len = {reference_words})",
            self.signature,
            self.score,
            precisions.join("/"),
            self.brevity_penalty,
        )
    }
}

impl Bleu {
    /// BLEU of all texts together.
    ///
    /// # Errors
    /// There are no predictions, not as many lists of references, or an empty one.
    pub fn corpus(
        &self,
        predictions: &[String],
        references: &[Vec<String>],
    ) -> Result<BleuScore, MetricError> {
        check_references(predictions, references)?;
        let mut counts = Counts::default();
        for (prediction, references) in predictions.iter().zip(references) {
            let prediction = self.tokenized(prediction);
            let references: Vec<_> = references.iter().map(|text| self.tokenized(text)).collect();
            counts.add(&prediction, &references);
        }
        Ok(self.score(counts, self.signature(references)))
    }

    /// BLEU of one text, for which `effective_order` should be set.
    ///
    /// # Errors
    /// There are no references.
    pub fn sentence(
        &self,
        prediction: &str,
        references: &[String],
    ) -> Result<BleuScore, MetricError> {
        self.corpus(&[prediction.to_owned()], &[references.to_vec()])
    }

    fn tokenized(&self, text: &str) -> String {
        let text = if self.lowercase {
            text.to_lowercase()
        } else {
            text.to_owned()
        };
        self.tokenizer.tokenize(text.trim_end_matches(is_space))
    }

    fn signature(&self, references: &[Vec<String>]) -> String {
        let smoothing = match self.smoothing {
            Smoothing::None => "none".to_owned(),
            Smoothing::Floor(value) => format!("floor[{value:.2}]"),
            Smoothing::AddK(value) => format!("add-k[{value:.2}]"),
            Smoothing::Exponential => "exp".to_owned(),
        };
        format!(
            "nrefs:{}|case:{}|eff:{}|tok:{}|smooth:{smoothing}|version:{SACREBLEU}",
            num_references(references),
            if self.lowercase { "lc" } else { "mixed" },
            if self.effective_order { "yes" } else { "no" },
            self.tokenizer,
        )
    }

    fn score(&self, counts: Counts, signature: String) -> BleuScore {
        let brevity_penalty = counts.brevity_penalty();
        let mut precisions = [0.0; MAX_ORDER];
        let mut score = 0.0;
        if counts.num_right != [0; MAX_ORDER] {
            let orders;
            (precisions, orders) = self.precisions(&counts);
            // sacreBLEU's logarithm of nothing.
            let log = |p: &f64| if *p == 0.0 { -9_999_999_999.0 } else { p.ln() };
            let logs = precisions[..orders].iter().map(log).sum::<f64>();
            score = brevity_penalty * (logs / orders as f64).exp();
        }
        BleuScore {
            score,
            num_right: counts.num_right,
            num_ngrams: counts.num_ngrams,
            precisions,
            brevity_penalty,
            num_words: counts.num_words,
            num_reference_words: counts.num_reference_words,
            signature,
        }
    }

    /// The smoothed precisions in percent, and over how many orders the score is a mean.
    fn precisions(&self, counts: &Counts) -> ([f64; MAX_ORDER], usize) {
        let mut precisions = [0.0; MAX_ORDER];
        let mut orders = MAX_ORDER;
        let mut halved = 1.0;
        for (index, precision) in precisions.iter_mut().enumerate() {
            let mut right = counts.num_right[index] as f64;
            let mut total = counts.num_ngrams[index] as f64;
            if let (Smoothing::AddK(k), 1..) = (self.smoothing, index) {
                (right, total) = (right + k, total + k);
            }
            if total == 0.0 {
                break;
            }
            if self.effective_order {
                orders = index + 1;
            }
            *precision = match self.smoothing {
                _ if right != 0.0 => 100.0 * right / total,
                Smoothing::Exponential => {
                    halved *= 2.0;
                    100.0 / (halved * total)
                }
                Smoothing::Floor(value) => 100.0 * value / total,
                Smoothing::None | Smoothing::AddK(_) => 0.0,
            };
        }
        (precisions, orders)
    }
}

/// How many references each text has, in sacreBLEU's words.
pub(super) fn num_references(references: &[Vec<String>]) -> String {
    let mut lengths = references.iter().map(Vec::len);
    match lengths.next() {
        Some(first) if lengths.all(|length| length == first) => first.to_string(),
        _ => "var".to_owned(),
    }
}
