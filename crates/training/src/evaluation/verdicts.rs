//! Scores of what heads say.

use super::answers::WindowScores;
use super::defined;
use super::metrics::entities::EntityMode;
use super::metrics::{Metric, Paired, Predictions};

/// Collects the loss of a head, what it said and what was wanted.
#[derive(Debug, Default)]
pub struct Verdicts {
    loss: f64,
    weight: f64,
    classes: Collected<u32>,
    values: Collected<f64>,
    tags: Collected<Vec<String>>,
    windows: Vec<WindowScores>,
}

/// What was said beside what was wanted.
#[derive(Debug)]
struct Collected<T> {
    said: Vec<T>,
    wanted: Vec<T>,
}

impl<T> Default for Collected<T> {
    fn default() -> Self {
        Self {
            said: Vec::new(),
            wanted: Vec::new(),
        }
    }
}

impl<T> Collected<T> {
    fn add(&mut self, said: T, wanted: T) {
        self.said.push(said);
        self.wanted.push(wanted);
    }

    fn paired(&self) -> Paired<'_, T, T> {
        Paired {
            predictions: &self.said,
            references: &self.wanted,
        }
    }
}

impl Verdicts {
    /// Adds the mean loss of a batch and the number of labels it is over.
    pub fn add_mean_loss(&mut self, mean: f32, weight: f64) {
        self.loss += f64::from(mean) * weight;
        self.weight += weight;
    }

    /// Adds a value of an example.
    pub fn add_value(&mut self, said: f32, wanted: f32) {
        self.values.add(said.into(), wanted.into());
    }

    /// Adds a class: of an example, or of one of its tokens.
    pub fn add_class(&mut self, said: u32, wanted: u32) {
        self.classes.add(said, wanted);
    }

    /// Adds the tags of a sentence.
    pub fn add_tags(&mut self, said: Vec<String>, wanted: Vec<String>) {
        self.tags.add(said, wanted);
    }

    /// Adds the next window of the held-out questions.
    pub fn add_window(&mut self, scores: WindowScores) {
        self.windows.push(scores);
    }

    /// The classes that were said.
    pub fn classes(&self) -> &[u32] {
        &self.classes.said
    }

    /// The values that were said.
    pub fn values(&self) -> &[f64] {
        &self.values.said
    }

    /// The tags that were said of each sentence.
    pub fn tags(&self) -> &[Vec<String>] {
        &self.tags.said
    }

    /// What was said of the windows, in their order.
    pub fn windows(&self) -> &[WindowScores] {
        &self.windows
    }

    /// The loss, and the usual metrics of what was collected: of `num_classes` named classes accuracy
    /// and, of two, F1 of the second and Matthews correlation, of more the mean F1; of values the correlations;
    /// of tags the scores of their entities. A metric that is not defined here, such as the
    /// correlation with values that are all the same, is left out.
    pub fn scores(&self, num_classes: usize) -> Vec<(String, f64)> {
        let loss = self.loss / self.weight.max(1.0);
        let mut scores = vec![("label_loss".to_owned(), loss)];
        let labels = Predictions::Labels(self.classes.paired());
        let of_classes = match num_classes {
            1 => vec![Metric::Accuracy],
            2 => vec![Metric::Accuracy, Metric::F1, Metric::Matthews],
            _ => vec![Metric::Accuracy, Metric::MacroF1],
        };
        let values = Predictions::Values(self.values.paired());
        let tags = Predictions::Tags(self.tags.paired());
        if !self.tags.said.is_empty() {
            add(&mut scores, &tags, &[Metric::EntityF1(EntityMode::Conll)]);
            add(&mut scores, &labels, &[Metric::Accuracy]);
        } else if !self.classes.said.is_empty() {
            add(&mut scores, &labels, &of_classes);
        }
        if !self.values.said.is_empty() {
            add(&mut scores, &values, &[Metric::Pearson, Metric::Spearman]);
        }
        scores
    }
}

fn add(scores: &mut Vec<(String, f64)>, predictions: &Predictions<'_>, metrics: &[Metric]) {
    for metric in metrics {
        scores.extend(defined(predictions, *metric));
    }
}
