//! Free answers to held-out questions, scored as texts, as classes or as values.

use std::collections::BTreeMap;

use lamplight_data::objective::text_tasks::TextTask;

use super::defined;
use super::metrics::bleu::{Bleu, BleuTokenizer};
use super::metrics::classification::{accuracy, binary_f1, matthews};
use super::metrics::{Metric, Paired, Predictions};

/// An answer to the similarity of sentences that is no number: below all that are.
const NO_NUMBER: f64 = -1.0;

/// A held-out input with its right answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The task it belongs to.
    pub task: String,
    /// The input as text.
    pub input: String,
    /// The right answers, one at least; the first is shown.
    pub targets: Vec<String>,
}

/// Every name that [`answer_scores`] gives to a score, here without the task.
pub const ANSWER_SCORES: &[&str] = &[
    "exact_match",
    "accuracy",
    "f1",
    "macro_f1",
    "matthews",
    "pearson",
    "spearman",
    "squad_exact_match",
    "squad_f1",
    "rouge1",
    "rouge2",
    "rougeL",
    "rougeLsum",
    "bleu",
    "chrf",
    "chrf++",
];

/// Whether free answers can be scored by the metric.
pub fn scores_answers(metric: Metric) -> bool {
    use Metric::{
        Accuracy, Bleu, Chrf, ChrfPlusPlus, ExactMatch, F1, MacroF1, Matthews, Rouge, RougeOfStems,
        Squad,
    };
    matches!(
        metric,
        Accuracy
            | F1
            | MacroF1
            | Matthews
            | ExactMatch
            | Squad
            | Rouge
            | RougeOfStems
            | Bleu
            | Chrf
            | ChrfPlusPlus
    )
}

/// The scores of an answer to each question: exact match and `metrics` over all of them, and then of each task with a
/// name, as `bleu.TASK`. A task of the T5 paper is scored by the metrics it has there as well (section 2.3 and appendix D
/// of Raffel et al. 2020). White space at the ends of texts does not count.
///
/// For `accuracy`, `f1`, `macro_f1` and `matthews` the classes are those of the paper's task, or else the distinct first
/// targets in alphabetic order, and `f1` is that of the second of two. An answer that is none of them is wrong. The
/// scores of SQuAD are called `squad_exact_match` and `squad_f1`. A score that is not defined is left out.
pub fn answer_scores(
    questions: &[Question],
    answers: &[String],
    metrics: &[Metric],
) -> Vec<(String, f64)> {
    let mut by_task: BTreeMap<&str, Answered<'_>> = BTreeMap::new();
    let mut all = Answered::default();
    for (question, answer) in questions.iter().zip(answers) {
        all.push(question, answer);
        let named = Some(question.task.as_str()).filter(|task| !task.is_empty());
        if let Some(task) = named {
            by_task.entry(task).or_default().push(question, answer);
        }
    }
    let mut scores = all.scores(None, metrics);
    for (name, answered) in by_task {
        let of_task = answered.scores(name.parse().ok(), metrics);
        scores
            .extend((of_task.into_iter()).map(|(score, value)| (format!("{score}.{name}"), value)));
    }
    scores
}

/// What a task of the paper is scored by, but for exact match. Those whose target is whom a pronoun means have no more:
/// where it means somebody else there is no example.
fn metrics_of(task: TextTask) -> &'static [Metric] {
    use TextTask::{
        BoolQ, Cb, CnnDailyMail, Cola, Copa, Dpr, Mnli, Mrpc, MultiRc, Qnli, Qqp, Record, Rte,
        Squad, Sst2, Stsb, SuperGlueRte, Translation, Wic, Wnli, Wsc,
    };
    match task {
        Cola => &[Metric::Matthews],
        Sst2 | Mnli | Qnli | Rte | BoolQ | Copa | Wic | SuperGlueRte => &[Metric::Accuracy],
        Mrpc | Qqp => &[Metric::F1, Metric::Accuracy],
        Stsb => &[Metric::Pearson, Metric::Spearman],
        Cb => &[Metric::MacroF1, Metric::Accuracy],
        MultiRc => &[Metric::F1],
        Record | Squad => &[Metric::Squad],
        CnnDailyMail => &[Metric::Rouge],
        Translation { .. } => &[Metric::Bleu],
        Wsc | Dpr | Wnli => &[],
    }
}

/// Answers beside what is right, all trimmed.
#[derive(Default)]
struct Answered<'a> {
    answers: Vec<&'a str>,
    references: Vec<Vec<&'a str>>,
}

impl<'a> Answered<'a> {
    fn push(&mut self, question: &'a Question, answer: &'a str) {
        let targets = question.targets.iter();
        self.answers.push(answer.trim());
        self.references
            .push(targets.map(|target| target.trim()).collect());
    }

    fn scores(&self, task: Option<TextTask>, metrics: &[Metric]) -> Vec<(String, f64)> {
        let mut chosen = vec![Metric::ExactMatch];
        for metric in task.map_or(&[][..], metrics_of).iter().chain(metrics) {
            if !chosen.contains(metric) {
                chosen.push(*metric);
            }
        }
        let scores = chosen.into_iter().map(|metric| match metric {
            Metric::Accuracy | Metric::F1 | Metric::MacroF1 | Metric::Matthews => {
                let score = self.class_score(task, metric);
                Vec::from_iter(score.map(|score| (metric.name().to_owned(), score)))
            }
            Metric::Pearson | Metric::Spearman => self.value_scores(metric),
            _ => self.text_scores(task, metric),
        });
        scores.flatten().collect()
    }

    fn text_scores(&self, task: Option<TextTask>, metric: Metric) -> Vec<(String, f64)> {
        // Its sentences, which `rougeLsum` takes one by one, end in a full stop between spaces.
        let is_in_sentences = task == Some(TextTask::CnnDailyMail) && metric == Metric::Rouge;
        let text = |text: &&str| match is_in_sentences {
            true => text.replace(" . ", " .\n"),
            false => (*text).to_owned(),
        };
        let predictions: Vec<String> = self.answers.iter().map(text).collect();
        let references = self.references.iter();
        let references: Vec<Vec<String>> = references
            .map(|targets| targets.iter().map(text).collect())
            .collect();
        if let (Some(TextTask::Translation { .. }), Metric::Bleu) = (task, metric) {
            let bleu = Bleu {
                tokenizer: BleuTokenizer::International,
                ..Bleu::default()
            };
            let score = bleu.corpus(&predictions, &references).ok();
            return Vec::from_iter(score.map(|bleu| (metric.name().to_owned(), bleu.score)));
        }
        let texts = Paired {
            predictions: &predictions,
            references: &references,
        };
        let mut scores = defined(&Predictions::Texts(texts), metric);
        if metric == Metric::Squad {
            scores
                .iter_mut()
                .for_each(|(name, _)| name.insert_str(0, "squad_"));
        }
        scores
    }

    /// A question whose target is no class is left out: the labels of a test set may be hidden.
    fn class_score(&self, task: Option<TextTask>, metric: Metric) -> Option<f64> {
        let mut labels: Vec<&str> = task.map_or(&[][..], TextTask::labels).to_vec();
        if labels.is_empty() {
            labels = self.first_targets().collect();
            labels.sort_unstable();
            labels.dedup();
        }
        let class = |text: &str| labels.iter().position(|label| *label == text);
        let pairs = self.answers.iter().zip(self.first_targets());
        let pairs = pairs.filter_map(|(said, wanted)| Some((class(said), class(wanted)?)));
        let is_binary = labels.len() == 2;
        // What is no class is one of its own; or, of two, the wrong one, so that it counts for F1 in any case.
        let wrong = |wanted: usize| match is_binary && metric == Metric::F1 {
            true => 1 - wanted,
            false => labels.len(),
        };
        let (said, wanted): (Vec<usize>, Vec<usize>) = pairs
            .map(|(said, wanted)| (said.unwrap_or(wrong(wanted)), wanted))
            .unzip();
        let f1 = |class: usize| binary_f1(&said, &wanted, &class).map(|score| score.f1);
        let score = match metric {
            Metric::F1 if !is_binary => return None,
            Metric::F1 => f1(1),
            Metric::MacroF1 => {
                let sum = (0..labels.len()).map(f1).sum::<Result<f64, _>>();
                sum.map(|sum| sum / labels.len() as f64)
            }
            Metric::Matthews => matthews(&said, &wanted),
            _ => accuracy(&said, &wanted),
        };
        score.ok()
    }

    /// A question whose target is no number is left out.
    fn value_scores(&self, metric: Metric) -> Vec<(String, f64)> {
        let number = |text: &str| text.parse().ok().filter(|value: &f64| value.is_finite());
        let pairs = self.answers.iter().zip(self.first_targets());
        let (predictions, references): (Vec<f64>, Vec<f64>) = pairs
            .filter_map(|(said, wanted)| Some((number(said).unwrap_or(NO_NUMBER), number(wanted)?)))
            .unzip();
        let values = Paired {
            predictions: &predictions,
            references: &references,
        };
        defined(&Predictions::Values(values), metric)
    }

    fn first_targets(&self) -> impl Iterator<Item = &'a str> {
        let targets = self.references.iter();
        targets.map(|targets| targets.first().copied().unwrap_or_default())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
