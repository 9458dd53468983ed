use std::path::Path;

use burn::tensor::{Device, Tensor};
use lamplight_data::tokenizer::EncodedRow;
use lamplight_electra::ElectraForSequenceClassification;
use lamplight_t5::T5ForSequenceClassification;
use serde::Serialize;
use serde_json::Value;

use crate::PipelineError;
use crate::batches::{Batch, BatchSettings, host_rows, in_batches};
use crate::model_folder::{Family, ModelFolder, Wanted};
use crate::reader::Reader;
use crate::scores::{best, sigmoid, softmax};

const WANTED: [Wanted; 2] = [
    Wanted {
        family: Family::T5,
        architecture: "T5ForSequenceClassification",
        head: "classification_head.",
    },
    Wanted {
        family: Family::Electra,
        architecture: "ElectraForSequenceClassification",
        head: "classifier.out_proj.",
    },
];

/// Texts, or pairs of texts, to classes or to a number.
///
/// ```
/// use lamplight_pipelines::Classifier;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_classify");
/// # let device = lamplight_testing::test_device();
/// let classifier = Classifier::from_pretrained(folder.as_ref(), &device)?.top_k(1);
/// let answers = classifier.classify(&["A very good book.", "The train was late."])?;
/// println!("{} ({:.2})", answers[0][0].label, answers[0][0].score);
/// # assert!(["bad", "neutral", "good"].contains(&answers[1][0].label.as_str()));
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Classifier {
    pub(crate) model: Model,
    pub(crate) reader: Reader,
    pub(crate) device: Device,
    pub(crate) labels: Vec<String>,
    pub(crate) scoring: Scoring,
    top_k: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Model {
    T5(Box<T5ForSequenceClassification>),
    Electra(Box<ElectraForSequenceClassification>),
}

/// A class with its score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    /// The config's name of it.
    pub label: String,
    /// Its probability; for a regression the value itself.
    pub score: f32,
}

/// From logits to scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scoring {
    /// One class holds.
    Softmax,
    /// Each class holds or does not.
    Sigmoid,
    /// A number.
    Value,
}

impl Scoring {
    /// By `problem_type`; where the config has none, one label is a number (of which transformers gives the
    /// logistic function).
    fn of(problem_type: Option<&str>, num_labels: usize) -> Self {
        match problem_type {
            Some("regression") => Self::Value,
            Some("multi_label_classification") => Self::Sigmoid,
            _ if num_labels == 1 => Self::Value,
            _ => Self::Softmax,
        }
    }

    pub fn scores(self, logits: Vec<f32>) -> Vec<f32> {
        match self {
            Self::Softmax => softmax(&logits),
            Self::Sigmoid => logits.into_iter().map(sigmoid).collect(),
            Self::Value => logits,
        }
    }
}

impl Classifier {
    /// Reads a classifier with its tokenizer.
    ///
    /// # Errors
    /// The folder holds another model, or files are missing, damaged or do not belong together.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        let found = ModelFolder::open(folder, "Classifier", &WANTED)?;
        let problem_type = found.config.get("problem_type").and_then(Value::as_str);
        let model = match found.family {
            Family::T5 => {
                let model = T5ForSequenceClassification::from_pretrained(folder, device)?;
                Model::T5(Box::new(model))
            }
            Family::Electra => {
                let model = ElectraForSequenceClassification::from_pretrained(folder, device)?;
                Model::Electra(Box::new(model))
            }
        };
        let labels = found.labels(folder)?;
        Ok(Self {
            model,
            scoring: Scoring::of(problem_type, labels.len()),
            top_k: labels.len(),
            labels,
            reader: found.reader,
            device: device.clone(),
        })
    }

    /// How many classes each answer names at most; all where it is not said.
    #[must_use]
    pub fn top_k(self, top_k: usize) -> Self {
        Self { top_k, ..self }
    }

    /// The classes of each text, best first. Of a text longer than the model reads, the beginning
    /// counts.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn classify<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<Vec<Label>>, PipelineError> {
        self.of_rows(&self.reader.rows(texts)?)
    }

    /// The classes of each pair of texts, such as premise and hypothesis, best first. Of a pair
    /// longer than the model reads, the longer text is cut.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn classify_pairs<A, B>(&self, pairs: &[(A, B)]) -> Result<Vec<Vec<Label>>, PipelineError>
    where
        A: AsRef<str>,
        B: AsRef<str>,
    {
        self.of_rows(&self.reader.pairs(pairs)?)
    }

    fn of_rows(&self, rows: &[EncodedRow]) -> Result<Vec<Vec<Label>>, PipelineError> {
        let logits = in_batches(rows, BatchSettings::on(&self.device), |batch| {
            Ok(host_rows(self.logits(batch)))
        })?;
        Ok(logits.into_iter().map(|row| self.sorted(row)).collect())
    }

    /// `[rows, classes]`.
    fn logits(&self, batch: Batch) -> Tensor<2> {
        match &self.model {
            Model::T5(model) => model.forward(batch.input_ids, batch.padding_mask),
            Model::Electra(model) => model.forward(batch.electra()),
        }
    }

    fn sorted(&self, logits: Vec<f32>) -> Vec<Label> {
        let scores = self.scoring.scores(logits);
        let best = best(&scores, self.top_k).into_iter();
        let labels = best.map(|class| Label {
            label: self.labels[class].clone(),
            score: scores[class],
        });
        labels.collect()
    }
}
