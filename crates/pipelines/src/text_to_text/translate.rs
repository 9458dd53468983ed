use std::path::Path;

use burn::tensor::Device;
use lamplight_t5::GenerationConfig;
use serde_json::{Map, Value};

use super::TextToText;
use crate::PipelineError;
use crate::explain::Explanation;

/// Codes of ISO 639-1 with the English names that T5's prefixes have.
const LANGUAGES: [(&str, &str); 24] = [
    ("ar", "Arabic"),
    ("cs", "Czech"),
    ("da", "Danish"),
    ("de", "German"),
    ("el", "Greek"),
    ("en", "English"),
    ("es", "Spanish"),
    ("fi", "Finnish"),
    ("fr", "French"),
    ("he", "Hebrew"),
    ("hi", "Hindi"),
    ("hu", "Hungarian"),
    ("it", "Italian"),
    ("ja", "Japanese"),
    ("ko", "Korean"),
    ("nl", "Dutch"),
    ("pl", "Polish"),
    ("pt", "Portuguese"),
    ("ro", "Romanian"),
    ("ru", "Russian"),
    ("sv", "Swedish"),
    ("tr", "Turkish"),
    ("uk", "Ukrainian"),
    ("zh", "Chinese"),
];

/// Texts from one language to another.
///
/// ```
/// use lamplight_pipelines::Translator;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_t5");
/// # let device = lamplight_testing::test_device();
/// let translator = Translator::from_pretrained(folder.as_ref(), &device)?;
/// let texts = translator.between("en", "German")?.translate(&["A house."])?;
/// println!("{}", texts[0]);
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Translator {
    /// Without what belongs to a pair of languages.
    neutral: TextToText,
    model: TextToText,
    /// The `task_specific_params` of the config.
    tasks: Map<String, Value>,
}

impl Translator {
    /// Reads a T5 with its tokenizer; it translates from English to German until
    /// [`Self::between`] says otherwise.
    ///
    /// # Errors
    /// As [`TextToText::from_pretrained`]; or the parameters of its config for this translation cannot be
    /// followed.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        let (model, tasks) = TextToText::open(folder, "Translator", device)?;
        let neutral = model.clone();
        let translator = Self {
            neutral,
            model,
            tasks,
        };
        translator.between("en", "de")
    }

    /// Translates between these languages, each an ISO 639-1 code (`de`) or an English name (`German`):
    /// with the prefix `translate English to German: `, or as `task_specific_params.translation_en_to_de` of
    /// the config says.
    ///
    /// # Errors
    /// [`PipelineError::InvalidSetting`] for a code that is not known; or the parameters of the
    /// config cannot be followed.
    pub fn between(self, source: &str, target: &str) -> Result<Self, PipelineError> {
        let ((source, source_code), (target, target_code)) = (language(source)?, language(target)?);
        let prefix = format!("translate {source} to {target}: ");
        let model = self.neutral.clone().with_prefix(prefix);
        let task = format!("translation_{source_code}_to_{target_code}");
        let model = match self.tasks.get(&task).and_then(Value::as_object) {
            Some(task) => model.with_task(task)?,
            None => model,
        };
        Ok(Self { model, ..self })
    }

    /// How translations are generated.
    pub fn generation(&self) -> &GenerationConfig {
        self.model.generation()
    }

    /// As [`TextToText::quantized`].
    ///
    /// # Errors
    /// As there.
    pub fn quantized(self) -> Result<Self, PipelineError> {
        let neutral = self.neutral.quantized()?;
        let model = TextToText {
            generating: neutral.generating.clone(),
            ..self.model
        };
        Ok(Self {
            neutral,
            model,
            tasks: self.tasks,
        })
    }

    /// Changes how translations are generated; [`Self::between`] may change it by the config's parameters.
    ///
    /// # Errors
    /// The config cannot be followed.
    pub fn with_generation(self, generation: GenerationConfig) -> Result<Self, PipelineError> {
        Ok(Self {
            neutral: self.neutral.with_generation(generation.clone())?,
            model: self.model.with_generation(generation)?,
            tasks: self.tasks,
        })
    }

    /// The translation of each text. Of a text longer than the model reads, the beginning counts.
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn translate<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<String>, PipelineError> {
        self.model.generate(texts)
    }

    /// Why a translation is as it is; see [`TextToText::explain`].
    ///
    /// # Errors
    /// The tokenizer fails.
    pub fn explain(&self, text: &str) -> Result<Explanation, PipelineError> {
        self.model.explain(text)
    }
}

/// The name of a language, and its code or the name again.
fn language(wanted: &str) -> Result<(&str, &str), PipelineError> {
    let is_wanted = |known: &&(&str, &str)| {
        known.0.eq_ignore_ascii_case(wanted) || known.1.eq_ignore_ascii_case(wanted)
    };
    if let Some(&(code, name)) = LANGUAGES.iter().find(is_wanted) {
        return Ok((name, code));
    }
    let is_name =
        wanted.chars().count() > 3 && wanted.chars().all(|c| c.is_alphabetic() || c == ' ');
    if is_name {
        return Ok((wanted, wanted));
    }
    Err(PipelineError::InvalidSetting {
        key: "language",
        value: wanted.to_owned(),
        expected: "a known ISO 639-1 code, or an English name",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_known_by_code_and_by_name() {
        for wanted in ["de", "DE", "German", "german"] {
            assert_eq!(language(wanted).ok(), Some(("German", "de")));
        }
        assert_eq!(language("Scots").ok(), Some(("Scots", "Scots")));
        for unknown in ["", "xx", "de: ", "a\nb"] {
            assert!(language(unknown).is_err(), "{unknown:?}");
        }
    }
}
