//! `tokenizer_config.json`: the class and the names and options the other files leave open.

use crate::DataError;
use serde_json::{Map, Value};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// T5 has 100, and no objective needs nearly as many.
const MAX_SENTINELS: usize = 10_000;

/// What builds the ids; transformers calls it `tokenizer_class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    T5,
    Electra,
    ByT5,
    /// A tokenizer.json taken exactly as it is written.
    AsWritten,
}

impl Class {
    /// The name under which transformers finds the class.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::T5 => "T5TokenizerFast",
            Self::Electra => "ElectraTokenizerFast",
            Self::ByT5 => "ByT5Tokenizer",
            Self::AsWritten => "PreTrainedTokenizerFast",
        }
    }
}

/// The fields of `tokenizer_config.json` that matter here; every one has a default.
#[derive(Debug, Default)]
pub(super) struct TokenizerConfig {
    path: PathBuf,
    fields: Map<String, Value>,
}

impl TokenizerConfig {
    /// Reads the file if the folder has one.
    pub(super) fn read(folder: &Path) -> Result<Self, DataError> {
        let path = folder.join("tokenizer_config.json");
        let fields = read_object(&path)?;
        Ok(Self {
            path,
            fields: fields.unwrap_or_default(),
        })
    }

    pub(super) fn class(&self) -> Option<Class> {
        let name = self.fields.get("tokenizer_class")?.as_str()?;
        Some(match name.trim_end_matches("Fast") {
            "T5Tokenizer" | "MT5Tokenizer" => Class::T5,
            "ElectraTokenizer" | "BertTokenizer" => Class::Electra,
            "ByT5Tokenizer" => Class::ByT5,
            _ => Class::AsWritten,
        })
    }

    /// The text of a special token, under keys such as `pad_token`.
    pub(super) fn token(&self, key: &str) -> Option<&str> {
        let value = self.fields.get(key)?;
        value.get("content").unwrap_or(value).as_str()
    }

    /// Sentinels to append to a SentencePiece vocabulary.
    pub(super) fn extra_ids(&self) -> Result<usize, DataError> {
        let Some(value) = self.fields.get("extra_ids") else {
            return Ok(super::t5::NUM_SENTINELS);
        };
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        count
            .filter(|count| *count <= MAX_SENTINELS)
            .ok_or_else(|| {
                invalid(
                    &self.path,
                    format!("extra_ids = {value}: expected a number from 0 to {MAX_SENTINELS}"),
                )
            })
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.fields.get(key)?.as_bool()
    }
}

/// Whether the `config.json` of a model says ByT5: a T5 over 256 bytes, 3 special ids and 125 sentinels.
pub(super) fn model_is_byt5(folder: &Path) -> Result<bool, DataError> {
    let Some(config) = read_object(&folder.join("config.json"))? else {
        return Ok(false);
    };
    let is_t5 = config.get("model_type").and_then(Value::as_str) == Some("t5");
    Ok(is_t5 && config.get("vocab_size").and_then(Value::as_u64) == Some(384))
}

/// None where the file does not exist.
fn read_object(path: &Path) -> Result<Option<Map<String, Value>>, DataError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(DataError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| invalid(path, error))
}

pub(super) fn invalid(path: &Path, reason: impl ToString) -> DataError {
    DataError::InvalidTokenizer {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
