use std::path::Path;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lamplight_data::tokenizer::EncodedRow;
use lamplight_t5::T5ForConditionalGeneration;

use crate::PipelineError;
use crate::batches::{Batch, BatchSettings, host, in_batches};
use crate::classify::Label;
use crate::model_folder::ModelFolder;
use crate::reader::Reader;
use crate::scores::{best, softmax};
use crate::text_to_text::WANTED;

/// Where a prompt has the text.
const PLACE: &str = "{text}";

/// Texts to labels that are given when it is asked, by how likely a T5 answers a prompt with each of
/// them.
///
/// ```
/// use lamplight_pipelines::ZeroShotClassifier;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_t5");
/// # let device = lamplight_testing::test_device();
/// let classifier = ZeroShotClassifier::from_pretrained(folder.as_ref(), &device)?
///     .with_prompt("sst2 sentence: {text}")?;
/// let answers = classifier.classify(&["A very good book."], &["positive", "negative"])?;
/// println!("{} ({:.2})", answers[0][0].label, answers[0][0].score);
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ZeroShotClassifier {
    model: T5ForConditionalGeneration,
    reader: Reader,
    device: Device,
    prompt: String,
}

impl ZeroShotClassifier {
    /// Reads a T5 with its tokenizer.
    ///
    /// # Errors
    /// The folder holds another model, or files are missing, damaged or do not belong together.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        let found = ModelFolder::open(folder, "ZeroShotClassifier", &WANTED)?;
        Ok(Self {
            model: T5ForConditionalGeneration::from_pretrained(folder, device)?,
            reader: found.reader,
            device: device.clone(),
            prompt: PLACE.to_owned(),
        })
    }

    /// What the model reads, with `{text}` in the place of the text; the text alone where it is not
    /// said.
    ///
    /// # Errors
    /// [`PipelineError::InvalidSetting`] for a prompt without `{text}`.
    pub fn with_prompt(self, prompt: &str) -> Result<Self, PipelineError> {
        if !prompt.contains(PLACE) {
            return Err(PipelineError::InvalidSetting {
                key: "prompt",
                value: prompt.to_owned(),
                expected: "a text with {text} in it",
            });
        }
        let prompt = prompt.to_owned();
        Ok(Self { prompt, ..self })
    }

    /// The labels for each text, best first. The scores are the softmax of the log-likelihoods of the
    /// labels, each with the end of the text behind it: their shares among the answers that are given.
    /// Of a prompt longer than the model reads, the beginning counts.
    ///
    /// # Errors
    /// [`PipelineError::TooLong`] for a label longer than the model reads (its number is the text's),
    /// [`PipelineError::NoTokens`] for one without tokens, or the tokenizer fails.
    pub fn classify<T: AsRef<str>, L: AsRef<str>>(
        &self,
        texts: &[T],
        labels: &[L],
    ) -> Result<Vec<Vec<Label>>, PipelineError> {
        let targets = labels.iter().enumerate();
        let targets = targets.map(|(number, label)| self.target(number, label.as_ref()));
        let targets = targets.collect::<Result<Vec<_>, _>>()?;
        let prompts: Vec<_> = texts
            .iter()
            .map(|text| self.prompt.replace(PLACE, text.as_ref()))
            .collect();
        let settings = BatchSettings::over_vocabulary(&self.device);
        let rows = self.reader.rows(&prompts)?;
        let scores = in_batches(&rows, settings, |batch| Ok(self.scores(batch, &targets)))?;
        let answers = scores.into_iter().map(|log_likelihoods| {
            let scores = softmax(&log_likelihoods);
            let best = best(&scores, scores.len()).into_iter();
            let labels = best.map(|number| Label {
                label: labels[number].as_ref().to_owned(),
                score: scores[number],
            });
            labels.collect()
        });
        Ok(answers.collect())
    }

    fn target(&self, number: usize, label: &str) -> Result<Vec<u32>, PipelineError> {
        let ids = self.reader.tokenizer.encode(label)?;
        Ok(self
            .reader
            .checked(EncodedRow::of_one_text(ids), number)?
            .ids)
    }

    /// The log-likelihood of each target, `[rows][targets]`.
    fn scores(&self, batch: Batch, targets: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let num_rows = batch.members.len();
        let encoded = self
            .model
            .encode(batch.input_ids, batch.padding_mask.clone());
        let mut scores = vec![Vec::with_capacity(targets.len()); num_rows];
        for target in targets {
            let start = self.model.config().decoder_start_token_id;
            let before = [&[start], &target[..target.len() - 1]].concat();
            let [before, target] = [&before, target].map(|ids| self.repeated(ids, num_rows));
            let (encoded, mask) = (encoded.clone(), batch.padding_mask.clone());
            let logits = self.model.decode(before, encoded, mask); // [rows, target, vocab]
            let log_probabilities = log_softmax(logits, 2).gather(2, target.unsqueeze_dim(2));
            let totals = host(log_probabilities.sum_dim(1)); // [rows, 1, 1]
            for (scores, total) in scores.iter_mut().zip(totals) {
                scores.push(total);
            }
        }
        scores
    }

    /// `[rows, ids]`, each row the same.
    fn repeated(&self, ids: &[u32], num_rows: usize) -> Tensor<2, Int> {
        let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
        let shape = [1, ids.len()];
        let row = Tensor::<2, Int>::from_data(TensorData::new(ids, shape), &self.device);
        row.repeat_dim(0, num_rows)
    }
}
