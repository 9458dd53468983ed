//! Metrics by their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::MetricError;
use super::entities::{EntityMode, Scheme};

/// A metric that can be picked by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Metric {
    /// Share of the classes that are right.
    Accuracy,
    /// F1 of the class 1.
    F1,
    /// Mean F1 over classes.
    MacroF1,
    /// Matthews correlation of classes.
    Matthews,
    /// Correlation of values.
    Pearson,
    /// Correlation of the ranks of values.
    Spearman,
    /// Share of the texts that equal a reference.
    ExactMatch,
    /// SQuAD v1.1.
    Squad,
    /// SQuAD v2.0.
    SquadV2,
    /// F1 of entities.
    EntityF1(EntityMode),
    /// ROUGE-1, -2, -L and -Lsum.
    Rouge,
    /// The same of the stems of words.
    RougeOfStems,
    /// BLEU.
    Bleu,
    /// chrF.
    Chrf,
    /// chrF++.
    ChrfPlusPlus,
    /// Perplexity.
    Perplexity,
}

impl Metric {
    /// All there are.
    pub const ALL: [Self; 19] = [
        Self::Accuracy,
        Self::F1,
        Self::MacroF1,
        Self::Matthews,
        Self::Pearson,
        Self::Spearman,
        Self::ExactMatch,
        Self::Squad,
        Self::SquadV2,
        Self::EntityF1(EntityMode::Conll),
        Self::EntityF1(EntityMode::Strict(Scheme::Iob2)),
        Self::EntityF1(EntityMode::Strict(Scheme::Ioe2)),
        Self::EntityF1(EntityMode::Strict(Scheme::Iobes)),
        Self::Rouge,
        Self::RougeOfStems,
        Self::Bleu,
        Self::Chrf,
        Self::ChrfPlusPlus,
        Self::Perplexity,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::F1 => "f1",
            Self::MacroF1 => "macro_f1",
            Self::Matthews => "matthews",
            Self::Pearson => "pearson",
            Self::Spearman => "spearman",
            Self::ExactMatch => "exact_match",
            Self::Squad => "squad",
            Self::SquadV2 => "squad_v2",
            Self::EntityF1(EntityMode::Conll) => "entity_f1",
            Self::EntityF1(EntityMode::Strict(Scheme::Iob2)) => "entity_f1_iob2",
            Self::EntityF1(EntityMode::Strict(Scheme::Ioe2)) => "entity_f1_ioe2",
            Self::EntityF1(EntityMode::Strict(Scheme::Iobes)) => "entity_f1_iobes",
            Self::Rouge => "rouge",
            Self::RougeOfStems => "rouge_stems",
            Self::Bleu => "bleu",
            Self::Chrf => "chrf",
            Self::ChrfPlusPlus => "chrf++",
            Self::Perplexity => "perplexity",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(name: &str) -> Result<Self, MetricError> {
        let found = Self::ALL.into_iter().find(|metric| metric.name() == name);
        found.ok_or_else(|| MetricError::Unknown {
            name: name.to_owned(),
        })
    }
}

impl TryFrom<String> for Metric {
    type Error = MetricError;

    fn try_from(name: String) -> Result<Self, MetricError> {
        name.parse()
    }
}

impl From<Metric> for &'static str {
    fn from(metric: Metric) -> Self {
        metric.name()
    }
}
