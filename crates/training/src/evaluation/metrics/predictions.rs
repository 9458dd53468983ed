//! Predictions of any kind, and the scores that a metric gives them.

use super::bleu::Bleu;
use super::chrf::Chrf;
use super::classification::{accuracy, binary_f1, macro_f1, matthews};
use super::correlation::{pearson, spearman};
use super::entities::{EntityScores, entity_f1};
use super::rouge::{Rouge, RougeScores};
use super::squad::{SquadV2Answer, SquadV2Scores, squad, squad_v2};
use super::{Metric, MetricError, exact_match, perplexity};

/// The threshold of SQuAD v2.0's script, with which every answer counts.
const NO_ANSWER_THRESHOLD: f64 = 1.0;

/// What a model says beside what is right, in the same order.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum Predictions<'a> {
    /// Classes.
    Labels {
        predictions: &'a [u32],
        references: &'a [u32],
    },
    /// Numbers.
    Values {
        predictions: &'a [f64],
        references: &'a [f64],
    },
    /// Texts, each of which has one or more references.
    Texts {
        predictions: &'a [String],
        references: &'a [Vec<String>],
    },
    /// Tags of the tokens of sequences.
    Tags {
        predictions: &'a [Vec<String>],
        references: &'a [Vec<String>],
    },
    /// Answers to questions that may have none.
    Answers(&'a [SquadV2Answer]),
    /// The likelihood of tokens.
    Likelihood {
        /// The sum of their negative log-likelihoods, in nats.
        negative_log_likelihood: f64,
        num_tokens: usize,
    },
}

impl Predictions<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Labels { .. } => "labels",
            Self::Values { .. } => "values",
            Self::Texts { .. } => "texts",
            Self::Tags { .. } => "tags",
            Self::Answers(_) => "answers that may be none",
            Self::Likelihood { .. } => "the likelihood of tokens",
        }
    }

    /// The scores of the metric, under the names of a report.
    ///
    /// # Errors
    /// The metric is one of other predictions, or cannot score these.
    pub fn scores(&self, metric: Metric) -> Result<Vec<(String, f64)>, MetricError> {
        let one = |score| vec![(metric.name().to_owned(), score)];
        match *self {
            Self::Labels {
                predictions,
                references,
            } => match metric {
                Metric::Accuracy => accuracy(predictions, references).map(one),
                Metric::F1 => binary_f1(predictions, references, &1).map(|score| one(score.f1)),
                Metric::MacroF1 => macro_f1(predictions, references).map(|score| one(score.f1)),
                Metric::Matthews => matthews(predictions, references).map(one),
                _ => Err(self.unfit(metric)),
            },
            Self::Values {
                predictions,
                references,
            } => match metric {
                Metric::Pearson => pearson(predictions, references).map(one),
                Metric::Spearman => spearman(predictions, references).map(one),
                _ => Err(self.unfit(metric)),
            },
            Self::Texts {
                predictions,
                references,
            } => self.text_scores(metric, predictions, references),
            Self::Tags {
                predictions,
                references,
            } => match metric {
                Metric::EntityF1(mode) => {
                    entity_f1(predictions, references, mode).map(|scores| named_entities(&scores))
                }
                _ => Err(self.unfit(metric)),
            },
            Self::Answers(answers) => match metric {
                Metric::SquadV2 => {
                    squad_v2(answers, NO_ANSWER_THRESHOLD).map(|scores| named_answers(&scores))
                }
                _ => Err(self.unfit(metric)),
            },
            Self::Likelihood {
                negative_log_likelihood,
                num_tokens,
            } => match metric {
                Metric::Perplexity => perplexity(negative_log_likelihood, num_tokens).map(one),
                _ => Err(self.unfit(metric)),
            },
        }
    }

    fn text_scores(
        &self,
        metric: Metric,
        predictions: &[String],
        references: &[Vec<String>],
    ) -> Result<Vec<(String, f64)>, MetricError> {
        let one = |score| vec![(metric.name().to_owned(), score)];
        let rouge = |use_stemmer| {
            let rouge = Rouge { use_stemmer };
            rouge.corpus(predictions, references).map(|scores| named_rouge(&scores))
        };
        let chrf = |word_order| {
            let chrf = Chrf {
                word_order,
                lowercase: false,
            };
            chrf.corpus(predictions, references).map(|chrf| one(chrf.score))
        };
        match metric {
            Metric::ExactMatch => exact_match(predictions, references).map(one),
            Metric::Squad => squad(predictions, references)
                .map(|squad| named(&[("exact_match", squad.exact_match), ("f1", squad.f1)])),
            Metric::Rouge => rouge(false),
            Metric::RougeOfStems => rouge(true),
            Metric::Bleu => {
                let bleu = Bleu::default().corpus(predictions, references);
                bleu.map(|bleu| one(bleu.score))
            }
            Metric::Chrf => chrf(0),
            Metric::ChrfPlusPlus => chrf(2),
            _ => Err(self.unfit(metric)),
        }
    }

    fn unfit(&self, metric: Metric) -> MetricError {
        let needed = match metric {
            Metric::Accuracy | Metric::F1 | Metric::MacroF1 | Metric::Matthews => "labels",
            Metric::Pearson | Metric::Spearman => "values",
            Metric::EntityF1(_) => "tags",
            Metric::SquadV2 => "answers that may be none",
            Metric::Perplexity => "the likelihood of tokens",
            _ => "texts",
        };
        MetricError::Kind {
            metric,
            needed,
            given: self.kind(),
        }
    }
}

fn named(scores: &[(&str, f64)]) -> Vec<(String, f64)> {
    let scores = scores.iter();
    scores.map(|(name, score)| ((*name).to_owned(), *score)).collect()
}

fn named_rouge(scores: &RougeScores) -> Vec<(String, f64)> {
    named(&[
        ("rouge1", scores.rouge1.f1),
        ("rouge2", scores.rouge2.f1),
        ("rougeL", scores.rouge_l.f1),
        ("rougeLsum", scores.rouge_lsum.f1),
    ])
}

fn named_entities(scores: &EntityScores) -> Vec<(String, f64)> {
    let micro = scores.micro.score;
    let overall = [("precision", micro.precision), ("recall", micro.recall), ("f1", micro.f1)];
    let types = scores.types.iter();
    let types = types.map(|(kind, entities)| (format!("f1.{kind}"), entities.score.f1));
    named(&overall).into_iter().chain(types).collect()
}

fn named_answers(scores: &SquadV2Scores) -> Vec<(String, f64)> {
    let mut named_scores = named(&[("exact", scores.all.exact), ("f1", scores.all.f1)]);
    for (name, part) in [("HasAns", scores.has_answer), ("NoAns", scores.no_answer)] {
        if let Some(part) = part {
            named_scores.push((format!("{name}_exact"), part.exact));
            named_scores.push((format!("{name}_f1"), part.f1));
        }
    }
    named_scores.extend(named(&[
        ("best_exact", scores.best_exact),
        ("best_exact_thresh", scores.best_exact_threshold),
        ("best_f1", scores.best_f1),
        ("best_f1_thresh", scores.best_f1_threshold),
    ]));
    named_scores
}
