use std::path::Path;

use lamplight_layers::config::read_file;
use serde_json::{Map, Value, json};

use super::GenerationConfig;
use crate::generation::error::{GenerationError, KeyProblem, refuse};

/// Keys that change nothing here.
const METADATA: [&str; 7] = [
    "_commit_hash",
    "_from_model_config",
    "_original_object_hash",
    "bos_token_id",
    "disable_compile",
    "return_dict_in_generate",
    "transformers_version",
];

/// Keys of Hugging Face's that are not followed, but are often written down with the value that
/// changes nothing.
const NEUTRAL: [(&str, f64); 10] = [
    ("assistant_lookbehind", 10.0),
    ("guidance_scale", 1.0),
    ("is_assistant", FALSE),
    ("low_memory", FALSE),
    ("output_hidden_states", FALSE),
    ("output_logits", FALSE),
    ("target_lookbehind", 10.0),
    ("token_healing", FALSE),
    ("use_cache", TRUE),
    ("use_mtp", FALSE),
];
const FALSE: f64 = 0.0;
const TRUE: f64 = 1.0;

/// Keys that in a model's `config.json` are about the model's own forward pass.
const OF_THE_MODEL: [&str; 3] = ["output_attentions", "output_hidden_states", "use_cache"];

impl GenerationConfig {
    /// Reads and checks the text of a `generation_config.json`. A null is as good as no key.
    ///
    /// # Errors
    /// The text is no JSON object, or keys cannot be followed: unknown, unsupported, of another
    /// type, or out of range. All of them are named.
    pub fn from_json(text: &str) -> Result<Self, GenerationError> {
        Self::from_map(serde_json::from_str(text)?)
    }

    /// Reads and checks a `generation_config.json`.
    ///
    /// # Errors
    /// The file cannot be read, or as in [`Self::from_json`].
    pub fn from_file(path: &Path) -> Result<Self, GenerationError> {
        in_file(path, Self::from_json)
    }

    /// How the model in a folder is meant to generate: `generation_config.json`; where there is
    /// none, the keys about generation in `config.json`, as old checkpoints have them; where there
    /// is neither, the defaults.
    ///
    /// # Errors
    /// As in [`Self::from_file`].
    pub fn from_pretrained(folder: &Path) -> Result<Self, GenerationError> {
        let [own, model] = ["generation_config.json", "config.json"].map(|name| folder.join(name));
        if own.is_file() {
            Self::from_file(&own)
        } else if model.is_file() {
            in_file(&model, |text| {
                let mut keys: Map<String, Value> = serde_json::from_str(text)?;
                let known = Self::keys()?;
                let is_neutral = |key: &str| NEUTRAL.iter().any(|(neutral, _)| *neutral == key);
                keys.retain(|key, _| {
                    (known.contains_key(key) || is_neutral(key))
                        && !OF_THE_MODEL.contains(&key.as_str())
                });
                Self::from_map(keys)
            })
        } else {
            Ok(Self::default())
        }
    }

    /// The text of a `generation_config.json`: the keys whose values are not the defaults.
    pub fn to_json(&self) -> String {
        let [mut config, default] = [json!(self), json!(Self::default())];
        if let Some(keys) = config.as_object_mut() {
            keys.retain(|key, value| *value != default[key.as_str()]);
        }
        format!("{config:#}\n")
    }

    fn from_map(mut keys: Map<String, Value>) -> Result<Self, GenerationError> {
        keys.retain(|key, value| !value.is_null() && !METADATA.contains(&key.as_str()));
        let known = Self::keys()?;
        let mut problems = Vec::new();
        keys.retain(|key, value| {
            let problem = if known.contains_key(key) {
                type_problem(key, value)
            } else {
                support_problem(key, value)
            };
            problems.extend(problem);
            known.contains_key(key)
        });
        refuse(problems)?;
        let config: Self = serde_json::from_value(Value::Object(keys))?;
        config.validate()?;
        Ok(config)
    }

    /// The keys that are followed, with their defaults.
    fn keys() -> Result<Map<String, Value>, serde_json::Error> {
        serde_json::from_value(json!(Self::default()))
    }
}

/// What is wrong with the type of the value of a key that is followed.
fn type_problem(key: &str, value: &Value) -> Option<KeyProblem> {
    let error = serde_json::from_value::<GenerationConfig>(json!({ key: value })).err()?;
    Some(KeyProblem::new(key, value, error))
}

/// What is wrong with a key that is not followed.
fn support_problem(key: &str, value: &Value) -> Option<KeyProblem> {
    let Some((_, neutral)) = NEUTRAL.iter().find(|(name, _)| *name == key) else {
        return Some(KeyProblem::new(key, value, "no such key is supported"));
    };
    let number = match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        other => other.as_f64(),
    };
    let reason = "only its neutral value is supported; leave the key out";
    (number != Some(*neutral)).then(|| KeyProblem::new(key, value, reason))
}

/// Lets `parse` make a config from the text of a file; errors name it.
fn in_file(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<GenerationConfig, GenerationError>,
) -> Result<GenerationConfig, GenerationError> {
    parse(&read_file(path)?).map_err(|source| GenerationError::InFile {
        path: path.to_owned(),
        source: Box::new(source),
    })
}
