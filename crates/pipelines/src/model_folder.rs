//! What is checked of a model's folder before anything runs.

use std::path::Path;

use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::config::{ConfigError, MAX_SIZE, from_file, from_json};
use lamplight_layers::pretrained::Checkpoint;
use serde_json::{Map, Value};

use crate::PipelineError;
use crate::reader::Reader;

/// The two families of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// T5, mT5, UMT5 and ByT5.
    T5,
    /// ELECTRA.
    Electra,
}

impl Family {
    /// The family of the model in a folder; none where it is of another type.
    ///
    /// # Errors
    /// The folder has no `config.json` that can be read.
    pub fn of_folder(folder: &Path) -> Result<Option<Self>, PipelineError> {
        Ok(Self::of(model_type(&config(folder)?)))
    }

    fn of(model_type: &str) -> Option<Self> {
        match model_type {
            "t5" | "mt5" | "umt5" => Some(Self::T5),
            "electra" => Some(Self::Electra),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::T5 => "t5, mt5 or umt5",
            Self::Electra => "electra",
        }
    }
}

/// A model that a pipeline can use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub family: Family,
    /// The class in Hugging Face's terms.
    pub architecture: &'static str,
    /// What the names of tensors start with that only this class has.
    pub head: &'static str,
}

/// A folder whose model and tokenizer suit a pipeline.
#[derive(Debug)]
pub(crate) struct ModelFolder {
    pub family: Family,
    /// The class in Hugging Face's terms whose head it has.
    pub architecture: &'static str,
    pub config: Map<String, Value>,
    pub reader: Reader,
}

/// T5 reads any length; this is what it was trained with.
const T5_MAX_LENGTH: usize = 512;
/// ByT5 was trained with twice as many, since a token is a byte (Xue et al. 2022, section 3.2).
const BYT5_MAX_LENGTH: usize = 1024;

impl ModelFolder {
    /// Checks family, head and tokenizer for `pipeline`, in this order. Of several models of a family that are wanted the
    /// first is the usual one.
    pub fn open(
        folder: &Path,
        pipeline: &'static str,
        wanted: &[Wanted],
    ) -> Result<Self, PipelineError> {
        let config = config(folder)?;
        let model_type = model_type(&config);
        let family = Family::of(model_type);
        let of_family = |wanted: &&Wanted| Some(wanted.family) == family;
        let candidates: Vec<_> = wanted.iter().filter(of_family).collect();
        let [usual, ..] = candidates[..] else {
            let names = wanted.iter().map(|wanted| wanted.family.name());
            let mut names: Vec<_> = names.collect();
            names.dedup();
            return Err(PipelineError::WrongFamily {
                folder: folder.to_owned(),
                model_type: model_type.to_owned(),
                pipeline,
                wanted: names.join(" or "),
            });
        };
        let checkpoint = Checkpoint::open(folder)?;
        let has_head = |wanted: &&&Wanted| {
            let mut names = checkpoint.names();
            names.any(|name| name.starts_with(wanted.head))
        };
        let Some(found) = candidates.iter().find(has_head) else {
            return Err(wrong_head(folder, &config, pipeline, usual));
        };
        let reader = reader(folder, &config, found.family)?;
        Ok(Self {
            family: found.family,
            architecture: found.architecture,
            config,
            reader,
        })
    }

    /// The names of the classes; `LABEL_0` and so on where the config has none.
    pub fn labels(&self, folder: &Path) -> Result<Vec<String>, PipelineError> {
        let Some(names) = self.config.get("id2label").and_then(Value::as_object) else {
            let number = self.config.get("num_labels").and_then(Value::as_u64);
            let num_labels = match self.family {
                Family::T5 => 2,
                Family::Electra => number.map_or(2, |number| number as usize),
            };
            let names = (0..num_labels.clamp(1, MAX_SIZE)).map(|id| format!("LABEL_{id}"));
            return Ok(names.collect());
        };
        let label = |id: usize| {
            let name = names.get(&id.to_string()).and_then(Value::as_str);
            name.map(str::to_owned)
                .ok_or_else(|| PipelineError::Labels {
                    folder: folder.to_owned(),
                    id,
                    num_labels: names.len(),
                })
        };
        (0..names.len().max(1)).map(label).collect()
    }
}

fn config(folder: &Path) -> Result<Map<String, Value>, PipelineError> {
    Ok(from_file(&folder.join("config.json"), from_json)?)
}

fn model_type(config: &Map<String, Value>) -> &str {
    let model_type = config.get("model_type").and_then(Value::as_str);
    model_type.unwrap_or_default()
}

fn wrong_head(
    folder: &Path,
    config: &Map<String, Value>,
    pipeline: &'static str,
    wanted: &Wanted,
) -> PipelineError {
    let named = config.get("architectures").and_then(Value::as_array);
    let named = named.map(|names| names.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    let named = named.filter(|names| !names.is_empty());
    PipelineError::WrongHead {
        folder: folder.to_owned(),
        found: named.map_or_else(
            || "a model without a named architecture".to_owned(),
            |names| names.join(", "),
        ),
        pipeline,
        wanted: wanted.architecture,
        missing: wanted.head,
    }
}

fn reader(
    folder: &Path,
    config: &Map<String, Value>,
    family: Family,
) -> Result<Reader, PipelineError> {
    let tokenizer = Tokenizer::from_folder(folder)?;
    let size = |key: &str| {
        config
            .get(key)
            .and_then(Value::as_u64)
            .map(|size| size as usize)
    };
    let Some(vocab_size) = size("vocab_size") else {
        return Err(ConfigError::unsupported("vocab_size", "missing", "a number").into());
    };
    if tokenizer.vocab_size() > vocab_size {
        return Err(PipelineError::TokenizerTooLarge {
            folder: folder.to_owned(),
            num_tokens: tokenizer.vocab_size(),
            vocab_size,
        });
    }
    let max_length = match family {
        Family::Electra => size("max_position_embeddings").unwrap_or(512),
        Family::T5 if tokenizer.vocab_size() == Tokenizer::byt5().vocab_size() => BYT5_MAX_LENGTH,
        Family::T5 => size("n_positions").unwrap_or(T5_MAX_LENGTH),
    };
    let num_token_types = || size("type_vocab_size").unwrap_or(2);
    Ok(Reader {
        tokenizer,
        max_length: max_length.max(1),
        num_token_types: (family == Family::Electra).then(num_token_types),
    })
}
