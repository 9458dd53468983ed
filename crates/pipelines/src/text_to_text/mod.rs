mod summarize;
mod translate;

use std::path::Path;

use burn::tensor::Device;
use lamplight_data::tokenizer::EncodedRow;
use lamplight_layers::config::ConfigError;
use lamplight_t5::{
    GeneratedSequence, GenerationConfig, GenerationInput, Generator, T5ForConditionalGeneration,
};
use serde_json::{Map, Value, json};

use crate::PipelineError;
use crate::batches::{BatchSettings, in_batches};
use crate::model_folder::{Family, ModelFolder, Wanted};
use crate::reader::Reader;

pub use summarize::Summarizer;
pub use translate::Translator;

pub(crate) const WANTED: [Wanted; 1] = [Wanted {
    family: Family::T5,
    architecture: "T5ForConditionalGeneration",
    head: "decoder.block.",
}];

/// Texts to texts, by a T5.
///
/// ```
/// use lamplight_pipelines::TextToText;
/// use lamplight_t5::GenerationConfig;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_t5");
/// # let device = lamplight_testing::test_device();
/// let model = TextToText::from_pretrained(folder.as_ref(), &device)?
///     .with_prefix("cola sentence: ")
///     .with_generation(GenerationConfig::beam(4).max_new_tokens(8))?;
/// let answers = model.generate(&["The cat sleep.", "The cat sleeps."])?;
/// assert_eq!(answers.len(), 2);
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TextToText {
    pub(crate) model: T5ForConditionalGeneration,
    /// The same, perhaps with weights of 8 bits.
    generating: T5ForConditionalGeneration,
    pub(crate) reader: Reader,
    pub(crate) device: Device,
    pub(crate) generation: GenerationConfig,
    prefix: String,
}

impl TextToText {
    /// Reads a T5 with its tokenizer; it generates as its folder says (`generation_config.json`, or the
    /// keys of older files in `config.json`).
    ///
    /// # Errors
    /// The folder holds another model, or files are missing, damaged or do not belong together.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        Ok(Self::open(folder, "TextToText", device)?.0)
    }

    /// The same for `pipeline`, with the `task_specific_params` of the config.
    pub(crate) fn open(
        folder: &Path,
        pipeline: &'static str,
        device: &Device,
    ) -> Result<(Self, Map<String, Value>), PipelineError> {
        let mut found = ModelFolder::open(folder, pipeline, &WANTED)?;
        let model = T5ForConditionalGeneration::from_pretrained(folder, device)?;
        let pipeline = Self {
            generating: model.clone(),
            model,
            reader: found.reader,
            device: device.clone(),
            generation: GenerationConfig::default(),
            prefix: String::new(),
        };
        let pipeline = pipeline.with_generation(GenerationConfig::from_pretrained(folder)?)?;
        let tasks = match found.config.remove("task_specific_params") {
            Some(Value::Object(tasks)) => tasks,
            _ => Map::new(),
        };
        Ok((pipeline, tasks))
    }

    /// Stands in front of every text.
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        let prefix = prefix.into();
        Self { prefix, ..self }
    }

    /// Generates with weights of 8 bits ([`T5ForConditionalGeneration::quantized`]).
    ///
    /// # Errors
    /// The device does not multiply such weights.
    pub fn quantized(self) -> Result<Self, PipelineError> {
        let generating = self.model.quantized()?;
        Ok(Self { generating, ..self })
    }

    /// How texts are generated.
    pub fn generation(&self) -> &GenerationConfig {
        &self.generation
    }

    /// Changes how texts are generated.
    ///
    /// # Errors
    /// The config cannot be followed.
    pub fn with_generation(self, generation: GenerationConfig) -> Result<Self, PipelineError> {
        Generator::new(&self.model, generation.clone())?;
        Ok(Self { generation, ..self })
    }

    /// The same with the prefix of a task and the keys of generation that it has of its own.
    fn with_task(self, task: &Map<String, Value>) -> Result<Self, PipelineError> {
        let mut keys: Map<String, Value> =
            serde_json::from_str(&self.generation.to_json()).map_err(ConfigError::from)?;
        keys.extend(task.clone());
        let prefix = keys.remove("prefix");
        let prefix = prefix.as_ref().and_then(Value::as_str);
        let prefix = prefix.map_or(self.prefix.clone(), str::to_owned);
        let generation = GenerationConfig::from_json(&json!(keys).to_string())?;
        self.with_prefix(prefix).with_generation(generation)
    }

    /// The best answer to each text. Of a text longer than the model reads, the beginning counts.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn generate<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<String>, PipelineError> {
        let answers = self.generate_all(texts)?.into_iter();
        Ok(answers
            .map(|answers| answers.into_iter().next().unwrap_or_default())
            .collect())
    }

    /// The answers to each text, best first: as many as `num_return_sequences` of the generation
    /// config says.
    ///
    /// # Errors
    /// As [`Self::generate`].
    pub fn generate_all<T: AsRef<str>>(
        &self,
        texts: &[T],
    ) -> Result<Vec<Vec<String>>, PipelineError> {
        let answers = self.sequences(texts)?.into_iter().map(|answers| {
            let texts = answers.iter().map(|answer| self.decode(&answer.ids));
            texts.collect()
        });
        answers.collect()
    }

    /// The text of ids.
    pub(crate) fn decode(&self, ids: &[u32]) -> Result<String, PipelineError> {
        Ok(self.reader.tokenizer.decode(ids, true)?)
    }

    /// The number of each sentinel's id.
    pub(crate) fn sentinels(&self) -> Vec<u32> {
        let tokenizer = &self.reader.tokenizer;
        (0..tokenizer.num_sentinels())
            .filter_map(|index| tokenizer.sentinel(index))
            .collect()
    }

    /// What the encoder reads of each text.
    pub(crate) fn rows<T: AsRef<str>>(
        &self,
        texts: &[T],
    ) -> Result<Vec<EncodedRow>, PipelineError> {
        let texts = texts.iter();
        let texts = texts.map(|text| format!("{}{}", self.prefix, text.as_ref()));
        self.reader.rows(&texts.collect::<Vec<_>>())
    }

    /// The answers to each text as ids, best first.
    pub(crate) fn sequences<T: AsRef<str>>(
        &self,
        texts: &[T],
    ) -> Result<Vec<Vec<GeneratedSequence>>, PipelineError> {
        let rows = self.rows(texts)?;
        let generator = Generator::new(&self.generating, self.generation.clone())?;
        let settings = BatchSettings::over_vocabulary(&self.device);
        in_batches(&rows, settings, |batch| {
            let mut input = GenerationInput::new(batch.input_ids, batch.padding_mask);
            // What is drawn for a text depends on its place among the texts, not in the batch.
            let seed = |&row: &usize| self.generation.seed.wrapping_add(row as u64);
            input.seeds = Some(batch.members.iter().map(seed).collect());
            Ok(generator.generate(input)?)
        })
    }
}
