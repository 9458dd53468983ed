use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::ConfigError;

/// Why a checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PretrainedError {
    /// The config was refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder holds no weights.
    #[error(
        "no weights in {0}: looked for model.safetensors, model.safetensors.index.json, pytorch_model.bin and pytorch_model.bin.index.json"
    )]
    NoWeights(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file is damaged or of another format.
    #[error("{path} is damaged or no checkpoint: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A tensor has a type that holds no weights.
    #[error("{path}: tensor `{name}` is {dtype}; weights are F64, F32, F16 or BF16")]
    NotFloat {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        name: String,
        /// Its type.
        dtype: String,
    },
    /// The checkpoint and the model do not fit.
    #[error("the weights in {path} do not fit the model:{misfit}")]
    Misfit {
        /// The folder.
        path: PathBuf,
        /// Everything that does not fit.
        misfit: Box<Misfit>,
    },
    /// The model's own name table lacks a parameter.
    #[error("parameter `{0}` has no Hugging Face name")]
    Unnamed(String),
}

impl PretrainedError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Write { path, source }
    }

    pub(super) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Everything in which a checkpoint and a model differ, in Hugging Face's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfit {
    /// In the model, not in the file.
    pub missing: Vec<String>,
    /// In the file, not in the model.
    pub unused: Vec<String>,
    /// In both with different shapes: name, shape in the file, shape in the model.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Misfit {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.missing {
            write!(f, "\n  missing   {name}")?;
        }
        for name in &self.unused {
            write!(f, "\n  unused    {name}")?;
        }
        for (name, found, expected) in &self.misshapen {
            write!(
                f,
                "\n  misshapen {name}: {found:?} in the file, {expected:?} in the model"
            )?;
        }
        Ok(())
    }
}
