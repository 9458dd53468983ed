use std::io;
use std::path::PathBuf;

use burn::tensor::TensorReadError;
use lamplight_layers::pretrained::PretrainedError;

/// Why a case could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum ParityError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file is damaged or of another format.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// There is no case.
    #[error(
        "no case in {0}: a case is a folder with an expected.safetensors and the model beside it"
    )]
    NoCase(PathBuf),
    /// The case lacks something that the model reads or that its outputs are compared with.
    #[error("{case} has no {kind} `{name}` in expected.safetensors")]
    Missing {
        /// The case.
        case: PathBuf,
        /// What kind of values.
        kind: &'static str,
        /// The tensor.
        name: String,
    },
    /// The case records something that nothing here computes.
    #[error("{case}: nothing computes {names:?}")]
    NotCompared {
        /// The case.
        case: PathBuf,
        /// The tensors.
        names: Vec<String>,
    },
    /// No model of ours has this class.
    #[error("{case}: no model for the architecture `{architecture}`")]
    UnknownArchitecture {
        /// The case.
        case: PathBuf,
        /// Its class in transformers.
        architecture: String,
    },
    /// A tensor has another shape than in the reference.
    #[error("{case}: `{name}` has the shape {ours:?} here and {reference:?} in the reference")]
    Misshapen {
        /// The case.
        case: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape here.
        ours: Vec<usize>,
        /// Its shape there.
        reference: Vec<usize>,
    },
    /// The model cannot be loaded.
    #[error(transparent)]
    Pretrained(#[from] PretrainedError),
    /// The device does not hand out what it computed.
    #[error("the device does not give its result: {0}")]
    Device(#[from] TensorReadError),
}
