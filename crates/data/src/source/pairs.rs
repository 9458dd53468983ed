//! Inputs with their targets, out of JSON Lines.

use std::path::Path;

use serde::Deserialize;

use super::compression::Input;
use super::lines::Lines;
use crate::DataError;

/// An input with its target.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TextPair {
    /// The task it belongs to; scores are kept apart by it.
    #[serde(default)]
    pub task: String,
    /// What is given, with the task's prefix if it has one: `plural: wolf`.
    #[serde(alias = "source")]
    pub input: String,
    /// The answer: `wolves`.
    pub target: String,
}

/// Reads the pairs of a file: a JSON object a line with `input` (or `source`), `target` and, where there are several,
/// `task`; other fields are left out. `.gz`, `.zst` and `.zstd` are decompressed.
///
/// # Errors
/// [`DataError::InvalidPair`] for a line that is none, [`DataError::InvalidUtf8`] and [`DataError::TooLong`] for one that
/// cannot be read, [`DataError::Read`] and [`DataError::Damaged`] for the file.
pub fn read_pairs(path: &Path) -> Result<Vec<TextPair>, DataError> {
    let mut lines = Lines::new(path, Input::open(path)?);
    let mut pairs = Vec::new();
    while let Some(line) = lines.next_line() {
        let line = line?;
        if line.text.trim().is_empty() {
            continue;
        }
        let invalid = |reason: String| DataError::InvalidPair {
            path: path.to_owned(),
            line: line.number,
            reason,
        };
        let pair: TextPair =
            serde_json::from_str(line.text).map_err(|error| invalid(error.to_string()))?;
        if pair.input.trim().is_empty() || pair.target.trim().is_empty() {
            return Err(invalid("`input` or `target` is empty".to_owned()));
        }
        pairs.push(pair);
    }
    Ok(pairs)
}
