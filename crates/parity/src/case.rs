use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Expected, ParityError};

/// A folder of the reference set: a model as Hugging Face saves it, inputs and outputs.
#[derive(Debug, Clone)]
pub struct Case {
    /// The folder.
    pub path: PathBuf,
    /// The folder's name, for messages only: what to check follows from the content.
    pub name: String,
}

/// The models whose forward passes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    T5,
    Electra,
}

/// What kind of forward pass a case is.
#[derive(Debug)]
pub(crate) struct Kind {
    pub family: Family,
    pub architecture: String,
}

/// Of a case with a generator and a discriminator, which has no class in transformers.
pub(crate) const PRETRAINING: &str = "ElectraPretraining";

/// Every case directly below a folder, sorted by name; the folder itself if it is one.
///
/// # Errors
/// The folder cannot be read, or holds no case.
pub fn cases_below(folder: &Path) -> Result<Vec<Case>, ParityError> {
    let is_case = |path: &Path| path.join("expected.safetensors").is_file();
    if is_case(folder) {
        return Ok(vec![Case::at(folder)]);
    }
    let read = |source| ParityError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if is_case(&path) {
            cases.push(Case::at(&path));
        }
    }
    if cases.is_empty() {
        return Err(ParityError::NoCase(folder.to_owned()));
    }
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(cases)
}

impl Case {
    fn at(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default();
        Self {
            path: path.to_owned(),
            name: name.to_string_lossy().into_owned(),
        }
    }

    /// `config.json` of the case, or of a part of it; `Null` if there is none.
    ///
    /// # Errors
    /// The file is no JSON.
    pub fn config(&self, part: &str) -> Result<Value, ParityError> {
        let path = self.path.join(part).join("config.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            return Ok(Value::Null);
        };
        serde_json::from_str(&text).map_err(|error| ParityError::Damaged {
            path,
            reason: error.to_string(),
        })
    }

    /// The tensors of `expected.safetensors`.
    ///
    /// # Errors
    /// The file is missing or damaged.
    pub fn expected(&self) -> Result<Expected, ParityError> {
        Expected::read(&self.path)
    }

    /// None for what is no forward pass: a training run, a list of texts, an optimizer's steps.
    pub(crate) fn kind(&self, expected: &Expected) -> Result<Option<Kind>, ParityError> {
        let config = self.config("")?;
        let (family, architecture) = match config["model_type"].as_str() {
            Some("t5" | "mt5" | "umt5") => (Family::T5, architecture(&config)),
            Some("electra") => (Family::Electra, architecture(&config)),
            _ => {
                let [generator, discriminator] =
                    ["generator", "discriminator"].map(|part| self.config(part));
                let [generator, discriminator] = [generator?, discriminator?];
                let is_electra = |config: &Value| config["model_type"] == "electra";
                let is_pair = is_electra(&generator) && is_electra(&discriminator);
                (Family::Electra, is_pair.then(|| PRETRAINING.to_owned()))
            }
        };
        let Some(architecture) = architecture else {
            return Ok(None);
        };
        Ok(expected.is_forward_pass().then_some(Kind {
            family,
            architecture,
        }))
    }
}

/// The class that wrote the model, such as `T5ForConditionalGeneration`.
fn architecture(config: &Value) -> Option<String> {
    config["architectures"][0].as_str().map(str::to_owned)
}
