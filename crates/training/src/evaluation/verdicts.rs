//! Scores of what heads say.

use super::metrics::entities::EntityMode;
use super::metrics::{Metric, Predictions};

/// Collects the loss of a head, what it said and what was wanted.
#[derive(Debug, Default)]
pub struct Verdicts {
    loss: f64,
    weight: f64,
    classes: Paired<u32>,
    values: Paired<f64>,
    tags: Paired<Vec<String>>,
}

/// What was said beside what was wanted.
#[derive(Debug)]
struct Paired<T> {
    said: Vec<T>,
    wanted: Vec<T>,
}

impl<T> Default for Paired<T> {
    fn default() -> Self {
        Self {
            said: Vec::new(),
            wanted: Vec::new(),
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
        self.values.said.push(said.into());
        self.values.wanted.push(wanted.into());
    }

    /// Adds a class: of an example, or of one of its tokens.
    pub fn add_class(&mut self, said: u32, wanted: u32) {
        self.classes.said.push(said);
        self.classes.wanted.push(wanted);
    }

    /// Adds the tags of a sentence.
    pub fn add_tags(&mut self, said: Vec<String>, wanted: Vec<String>) {
        self.tags.said.push(said);
        self.tags.wanted.push(wanted);
    }

    /// The loss, and the usual metrics of what was collected: of `num_classes` named classes accuracy
    /// and, of two, F1 of the second and Matthews correlation, of more the mean F1; of values the correlations;
    /// of tags the scores of their entities. A metric that is not defined here, such as the
    /// correlation with values that are all the same, is left out.
    pub fn scores(&self, num_classes: usize) -> Vec<(String, f64)> {
        let loss = self.loss / self.weight.max(1.0);
        let mut scores = vec![("label_loss".to_owned(), loss)];
        let labels = Predictions::Labels {
            predictions: &self.classes.said,
            references: &self.classes.wanted,
        };
        let of_classes = match num_classes {
            1 => vec![Metric::Accuracy],
            2 => vec![Metric::Accuracy, Metric::F1, Metric::Matthews],
            _ => vec![Metric::Accuracy, Metric::MacroF1],
        };
        let values = Predictions::Values {
            predictions: &self.values.said,
            references: &self.values.wanted,
        };
        let tags = Predictions::Tags {
            predictions: &self.tags.said,
            references: &self.tags.wanted,
        };
        if !self.tags.said.is_empty() {
            add(&mut scores, tags, &[Metric::EntityF1(EntityMode::Conll)]);
            add(&mut scores, labels, &[Metric::Accuracy]);
        } else if !self.classes.said.is_empty() {
            add(&mut scores, labels, &of_classes);
        }
        if !self.values.said.is_empty() {
            add(&mut scores, values, &[Metric::Pearson, Metric::Spearman]);
        }
        scores
    }
}

fn add(scores: &mut Vec<(String, f64)>, predictions: Predictions<'_>, metrics: &[Metric]) {
    for metric in metrics {
        let defined = predictions.scores(*metric).unwrap_or_default();
        scores.extend(defined.into_iter().filter(|(_, score)| score.is_finite()));
    }
}
