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

/// Scores and the names that a report gives them.
type NamedScores = Vec<(String, f64)>;

/// Predictions and what is right, in the same order.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired<'a, P, R> {
    /// What a model says.
    pub predictions: &'a [P],
    /// What it should say.
    pub references: &'a [R],
}

/// What a model says beside what is right.
#[derive(Debug, Clone, PartialEq)]
pub enum Predictions<'a> {
    /// Classes.
    Labels(Paired<'a, u32, u32>),
    /// Numbers.
    Values(Paired<'a, f64, f64>),
    /// Texts, each of which has one or more references.
    Texts(Paired<'a, String, Vec<String>>),
    /// Tags of the tokens of sequences.
    Tags(Paired<'a, Vec<String>, Vec<String>>),
    /// Answers to questions that may have none.
    Answers(&'a [SquadV2Answer]),
    /// How likely a model thinks texts are.
    Likelihood {
        /// The sum of the negative log-likelihoods of their tokens, in nats.
        negative_log_likelihood: f64,
        /// How many tokens there are.
        num_tokens: usize,
    },
}

impl Predictions<'_> {
    /// The scores of the metric, under the names of a report.
    ///
    /// # Errors
    /// The metric is one of other predictions, or cannot score these.
    pub fn scores(&self, metric: Metric) -> Result<NamedScores, MetricError> {
        let scores = match self {
            Self::Labels(labels) => label_scores(metric, labels),
            Self::Values(values) => value_scores(metric, values),
            Self::Texts(texts) => text_scores(metric, texts),
            Self::Tags(tags) => match metric {
                Metric::EntityF1(mode) => {
                    let scores = entity_f1(tags.predictions, tags.references, mode);
                    Some(scores.map(|scores| entity_scores(&scores)))
                }
                _ => None,
            },
            Self::Answers(answers) => (metric == Metric::SquadV2).then(|| {
                let scores = squad_v2(answers, NO_ANSWER_THRESHOLD);
                scores.map(|scores| answer_scores(&scores))
            }),
            Self::Likelihood {
                negative_log_likelihood,
                num_tokens,
            } => (metric == Metric::Perplexity).then(|| {
                let score = perplexity(*negative_log_likelihood, *num_tokens);
                score.map(|score| one(metric, score))
            }),
        };
        let given = self.kind();
        scores.unwrap_or(Err(MetricError::Kind { metric, given }))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Labels(_) => "classes",
            Self::Values(_) => "values",
            Self::Texts(_) => "texts",
            Self::Tags(_) => "tags",
            Self::Answers(_) => "answers that may be none",
            Self::Likelihood { .. } => "the likelihood of texts",
        }
    }
}

fn label_scores(
    metric: Metric,
    labels: &Paired<'_, u32, u32>,
) -> Option<Result<NamedScores, MetricError>> {
    let (predictions, references) = (labels.predictions, labels.references);
    let score = match metric {
        Metric::Accuracy => accuracy(predictions, references),
        Metric::F1 => binary_f1(predictions, references, &1).map(|score| score.f1),
        Metric::MacroF1 => macro_f1(predictions, references).map(|score| score.f1),
        Metric::Matthews => matthews(predictions, references),
        _ => return None,
    };
    Some(score.map(|score| one(metric, score)))
}

fn value_scores(
    metric: Metric,
    values: &Paired<'_, f64, f64>,
) -> Option<Result<NamedScores, MetricError>> {
    let score = match metric {
        Metric::Pearson => pearson(values.predictions, values.references),
        Metric::Spearman => spearman(values.predictions, values.references),
        _ => return None,
    };
    Some(score.map(|score| one(metric, score)))
}

fn text_scores(
    metric: Metric,
    texts: &Paired<'_, String, Vec<String>>,
) -> Option<Result<NamedScores, MetricError>> {
    let (predictions, references) = (texts.predictions, texts.references);
    let rouge = |use_stemmer| {
        let scores = Rouge { use_stemmer }.corpus(predictions, references);
        scores.map(|scores| rouge_scores(&scores))
    };
    let chrf = |word_order| {
        let lowercase = false;
        let chrf = Chrf {
            word_order,
            lowercase,
        }
        .corpus(predictions, references);
        chrf.map(|chrf| one(metric, chrf.score))
    };
    Some(match metric {
        Metric::ExactMatch => exact_match(predictions, references).map(|score| one(metric, score)),
        Metric::Squad => squad(predictions, references)
            .map(|squad| named(&[("exact_match", squad.exact_match), ("f1", squad.f1)])),
        Metric::Rouge => rouge(false),
        Metric::RougeOfStems => rouge(true),
        Metric::Bleu => {
            let bleu = Bleu::default().corpus(predictions, references);
            bleu.map(|bleu| one(metric, bleu.score))
        }
        Metric::Chrf => chrf(0),
        Metric::ChrfPlusPlus => chrf(2),
        _ => return None,
    })
}

fn one(metric: Metric, score: f64) -> NamedScores {
    named(&[(metric.name(), score)])
}

fn named(scores: &[(&str, f64)]) -> NamedScores {
    let scores = scores.iter();
    scores
        .map(|(name, score)| ((*name).to_owned(), *score))
        .collect()
}

fn rouge_scores(scores: &RougeScores) -> NamedScores {
    named(&[
        ("rouge1", scores.rouge1.f1),
        ("rouge2", scores.rouge2.f1),
        ("rougeL", scores.rouge_l.f1),
        ("rougeLsum", scores.rouge_lsum.f1),
    ])
}

fn entity_scores(scores: &EntityScores) -> NamedScores {
    let micro = scores.micro.score;
    let overall = [
        ("precision", micro.precision),
        ("recall", micro.recall),
        ("f1", micro.f1),
    ];
    let types = scores.types.iter();
    let types = types.map(|(kind, entities)| (format!("f1.{kind}"), entities.score.f1));
    named(&overall).into_iter().chain(types).collect()
}

/// The scores of SQuAD v2.0 under the names of its script.
pub(in crate::evaluation) fn answer_scores(scores: &SquadV2Scores) -> NamedScores {
    let mut names = named(&[("exact", scores.all.exact), ("f1", scores.all.f1)]);
    for (name, part) in [("HasAns", scores.has_answer), ("NoAns", scores.no_answer)] {
        if let Some(part) = part {
            names.push((format!("{name}_exact"), part.exact));
            names.push((format!("{name}_f1"), part.f1));
        }
    }
    names.extend(named(&[
        ("best_exact", scores.best_exact),
        ("best_exact_thresh", scores.best_exact_threshold),
        ("best_f1", scores.best_f1),
        ("best_f1_thresh", scores.best_f1_threshold),
    ]));
    names
}
