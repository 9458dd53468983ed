use std::fmt;
use std::path::PathBuf;

use lamplight_layers::config::ConfigError;

/// Why nothing is generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerationError {
    /// A config file cannot be read.
    #[error(transparent)]
    Read(#[from] ConfigError),
    /// The text is no JSON object.
    #[error("not a generation config: {0}")]
    Json(#[from] serde_json::Error),
    /// Keys of the config that cannot be followed: all of them at once.
    #[error("the generation config cannot be followed: {}", listed(.0))]
    Config(Vec<KeyProblem>),
    /// The error is in this file.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<GenerationError>,
    },
}

/// A key of a generation config that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProblem {
    /// The key.
    pub key: String,
    /// Its value, cut where it is long.
    pub value: String,
    /// What is wrong with it and what would do.
    pub reason: String,
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}: {}", self.key, self.value, self.reason)
    }
}

impl KeyProblem {
    /// The value of `key` will not do for this `reason`.
    pub(super) fn new(key: &str, value: impl ToString, reason: impl ToString) -> Self {
        let mut value = value.to_string();
        if let Some((end, _)) = value.char_indices().nth(60) {
            value.truncate(end);
            value.push('…');
        }
        Self {
            key: key.to_owned(),
            value,
            reason: reason.to_string(),
        }
    }
}

/// An error if there are problems.
pub(super) fn refuse(problems: Vec<KeyProblem>) -> Result<(), GenerationError> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(GenerationError::Config(problems))
    }
}

fn listed(problems: &[KeyProblem]) -> String {
    let lines: Vec<_> = problems.iter().map(KeyProblem::to_string).collect();
    lines.join("; ")
}
