//! Which texts, and what is made of them.

use lamplight_data::loader::{Arrangement, Building};
use lamplight_data::mixture::Mixture;
use lamplight_data::objective::denoising::Denoiser;
use lamplight_data::objective::iid_denoising::IidDenoising;
use lamplight_data::objective::mixture_of_denoisers::MixtureOfDenoisers;
use lamplight_data::objective::span_corruption::SpanCorruption;
use serde::{Deserialize, Serialize};

use super::Family;

/// What examples are made of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// ELECTRA: tell the generator's replacements from the original tokens.
    ReplacedTokenDetection,
    /// T5: restore spans that were cut out.
    SpanCorruption,
    /// T5: restore tokens that were cut out each for itself.
    IidDenoising,
    /// T5: continue the text from a prefix.
    PrefixLm,
    /// T5: put the tokens back into order.
    Deshuffling,
    /// T5: one of UL2's seven denoisers.
    MixtureOfDenoisers,
    /// T5: give the target for the input.
    TextToText,
    /// ELECTRA: name the class of a text, or of a pair of texts.
    SequenceClassification,
    /// ELECTRA: give a number for a text, or for a pair of texts.
    Regression,
    /// ELECTRA: name the class of each word.
    TokenClassification,
    /// ELECTRA: tell which of several texts follows.
    MultipleChoice,
    /// ELECTRA: find the piece of a text that answers a question.
    QuestionAnswering,
}

impl Objective {
    /// Whether it trains a head of ELECTRA's on labelled examples.
    pub fn is_labelled(self) -> bool {
        matches!(
            self,
            Self::SequenceClassification
                | Self::Regression
                | Self::TokenClassification
                | Self::MultipleChoice
                | Self::QuestionAnswering
        )
    }

    /// The family of models that it trains.
    pub fn family(self) -> Family {
        match self == Self::ReplacedTokenDetection || self.is_labelled() {
            true => Family::Electra,
            false => Family::T5,
        }
    }
}

/// A corpus that the program generates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltinCorpus {
    /// Documents from a small grammar of English.
    EnglishGrammar,
    /// Several text-to-text tasks with one right answer each.
    TextTasks,
}

/// The kind of a tokenizer to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenizerKind {
    /// ELECTRA's, lower-casing.
    WordPiece,
    /// T5's, with sentinels.
    Unigram,
}

/// A tokenizer to train on the run's own text when none is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerTraining {
    /// The kind.
    pub kind: TokenizerKind,
    /// Pieces at most, special tokens included.
    pub vocab_size: usize,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// What examples are made of the texts.
    pub objective: Objective,
    /// A generated corpus, used when no files are given.
    #[serde(default)]
    pub corpus: Option<BuiltinCorpus>,
    /// Documents or examples that the generated corpus has.
    #[serde(default)]
    pub num_examples: Option<usize>,
    /// Trains a tokenizer when none is given.
    #[serde(default)]
    pub train_tokenizer: Option<TokenizerTraining>,
    /// Tokens of an input at most, special tokens included.
    pub inputs_length: usize,
    /// Text to text: tokens of a target at most, `</s>` included.
    #[serde(default)]
    pub targets_length: Option<usize>,
    /// Replaced-token detection: fraction of the tokens that the generator predicts.
    #[serde(default)]
    pub mask_fraction: Option<f64>,
    /// Replaced-token detection: fraction of those that it sees unmasked.
    #[serde(default)]
    pub keep_fraction: Option<f64>,
    /// Replaced-token detection: how rows are made of documents.
    #[serde(default)]
    pub building: Option<Building>,
    /// Span corruption and i.i.d. denoising: fraction of the tokens that are cut out.
    #[serde(default)]
    pub noise_density: Option<f64>,
    /// Span corruption: mean length of a span.
    #[serde(default)]
    pub mean_span_length: Option<f64>,
    /// Mixture of denoisers: how much of the examples each kind makes.
    #[serde(default)]
    pub denoisers: Option<MixtureOfDenoisers>,
    /// Text to text: which pairs share a batch or a row.
    #[serde(default)]
    pub arrangement: Option<Arrangement>,
    /// Text to text: how often each task is drawn.
    #[serde(default)]
    pub mixture: Option<Mixture>,
    /// Fraction of the documents held out when no held-out files are given.
    #[serde(default = "default_held_out")]
    pub held_out: f64,
    /// Fraction of the documents that may be unusable (no UTF-8, no JSON); ten always may.
    #[serde(default = "default_max_bad_fraction")]
    pub max_bad_fraction: f64,
}

impl DataSettings {
    /// What the objective does to texts; none where it takes pairs or masks tokens.
    pub fn denoiser(&self) -> Option<Denoiser> {
        Some(match self.objective {
            Objective::SpanCorruption => Denoiser::SpanCorruption(SpanCorruption {
                noise_density: self.noise_density(),
                mean_span_length: self.mean_span_length(),
            }),
            Objective::IidDenoising => Denoiser::IidDenoising(IidDenoising {
                noise_density: self.noise_density(),
            }),
            Objective::PrefixLm => Denoiser::PrefixLm,
            Objective::Deshuffling => Denoiser::Deshuffling,
            Objective::MixtureOfDenoisers => {
                Denoiser::MixtureOfDenoisers(self.denoisers.unwrap_or_default())
            }
            Objective::ReplacedTokenDetection
            | Objective::TextToText
            | Objective::SequenceClassification
            | Objective::Regression
            | Objective::TokenClassification
            | Objective::MultipleChoice
            | Objective::QuestionAnswering => return None,
        })
    }

    /// `mixture`, by default T5's.
    pub fn mixture(&self) -> Mixture {
        self.mixture.unwrap_or_default()
    }

    /// `mask_fraction`, by default ELECTRA's 0.15.
    pub fn mask_fraction(&self) -> f64 {
        self.mask_fraction.unwrap_or(0.15)
    }

    /// `keep_fraction`, by default ELECTRA's 0.15.
    pub fn keep_fraction(&self) -> f64 {
        self.keep_fraction.unwrap_or(0.15)
    }

    /// `noise_density`, by default T5's 0.15.
    pub fn noise_density(&self) -> f64 {
        self.noise_density.unwrap_or(0.15)
    }

    /// `mean_span_length`, by default T5's 3.
    pub fn mean_span_length(&self) -> f64 {
        self.mean_span_length.unwrap_or(3.0)
    }
}

fn default_held_out() -> f64 {
    0.02
}

fn default_max_bad_fraction() -> f64 {
    0.1
}
