use std::path::Path;

use burn::tensor::Device;
use lamplight_t5::GenerationConfig;
use serde_json::Value;

use super::TextToText;
use crate::PipelineError;
use crate::explain::Explanation;

/// Long texts to short ones.
///
/// ```
/// use lamplight_pipelines::Summarizer;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_t5");
/// # let device = lamplight_testing::test_device();
/// let summarizer = Summarizer::from_pretrained(folder.as_ref(), &device)?;
/// let summaries = summarizer.summarize(&["Anna lives in an old house near the river. ..."])?;
/// println!("{}", summaries[0]);
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Summarizer(TextToText);

impl Summarizer {
    /// Reads a T5 with its tokenizer. Where its config has `task_specific_params.summarization`, that says
    /// how it generates and what stands in front of a text, else `summarize: ` does.
    ///
    /// # Errors
    /// As [`TextToText::from_pretrained`]; or those parameters cannot be followed.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        let (model, tasks) = TextToText::open(folder, "Summarizer", device)?;
        let model = model.with_prefix("summarize: ");
        match tasks.get("summarization").and_then(Value::as_object) {
            Some(task) => Ok(Self(model.with_task(task)?)),
            None => Ok(Self(model)),
        }
    }

    /// As [`TextToText::quantized`].
    ///
    /// # Errors
    /// As there.
    pub fn quantized(self) -> Result<Self, PipelineError> {
        Ok(Self(self.0.quantized()?))
    }

    /// How summaries are generated.
    pub fn generation(&self) -> &GenerationConfig {
        self.0.generation()
    }

    /// Changes how summaries are generated.
    ///
    /// # Errors
    /// The config cannot be followed.
    pub fn with_generation(self, generation: GenerationConfig) -> Result<Self, PipelineError> {
        Ok(Self(self.0.with_generation(generation)?))
    }

    /// The summary of each text. Of a text longer than the model reads, the beginning counts.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn summarize<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<String>, PipelineError> {
        self.0.generate(texts)
    }

    /// Why a summary is as it is; see [`TextToText::explain`].
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn explain(&self, text: &str) -> Result<Explanation, PipelineError> {
        self.0.explain(text)
    }
}
