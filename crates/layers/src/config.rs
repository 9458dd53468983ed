//! Reading and checking Hugging Face's `config.json`.

use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// A config file larger than this is none.
const MAX_CONFIG_BYTES: u64 = 16 << 20;
/// Largest width, vocabulary or length that is believed.
pub const MAX_SIZE: usize = 1 << 24;
/// Largest number of layers that is believed.
pub const MAX_LAYERS: usize = 4096;
/// Largest number of elements of one weight that is believed.
const MAX_ELEMENTS: usize = 1 << 38;

/// Why a `config.json` was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the config {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The text is no JSON, or a key has a value of another type.
    #[error("not a valid config: {0}")]
    Json(#[from] serde_json::Error),
    /// The error is in this file.
    #[error("{path}: {source}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<ConfigError>,
    },
    /// A value is outside what makes sense.
    #[error("config key `{key}` is {value}; it must be {expected}")]
    Unsupported {
        /// The key.
        key: &'static str,
        /// The value found.
        value: String,
        /// What would be accepted.
        expected: String,
    },
}

impl ConfigError {
    /// The value of `key` is none that is supported.
    pub fn unsupported(key: &'static str, value: impl ToString, expected: impl ToString) -> Self {
        Self::Unsupported {
            key,
            value: value.to_string(),
            expected: expected.to_string(),
        }
    }
}

/// Reads a config and lets `parse` make it from the text; errors name the file.
///
/// # Errors
/// The file cannot be read, is larger than 16 MiB, or `parse` refuses it.
pub fn from_file<T>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    parse(&read_file(path)?).map_err(|source| ConfigError::InFile {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

/// The text of a config file, cut off after 16 MiB.
///
/// # Errors
/// The file cannot be read or is no UTF-8.
pub fn read_file(path: &Path) -> Result<String, ConfigError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_CONFIG_BYTES).read_to_string(&mut text))
        .map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
    Ok(text)
}

/// Parses JSON text.
///
/// # Errors
/// The text is no JSON of this type.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, ConfigError> {
    Ok(serde_json::from_str(text)?)
}

/// Checks that each `(key, value)` lies in `range`.
///
/// # Errors
/// The first that does not.
pub fn check_sizes(
    sizes: &[(&'static str, usize)],
    range: RangeInclusive<usize>,
) -> Result<(), ConfigError> {
    for &(key, value) in sizes {
        if !range.contains(&value) {
            let expected = format!("between {} and {}", range.start(), range.end());
            return Err(ConfigError::unsupported(key, value, expected));
        }
    }
    Ok(())
}

/// Checks that a probability lies in `[0, 1)`.
///
/// # Errors
/// It does not.
pub fn check_probability(key: &'static str, value: f64) -> Result<(), ConfigError> {
    if (0.0..1.0).contains(&value) {
        Ok(())
    } else {
        Err(ConfigError::unsupported(
            key,
            value,
            "at least 0 and below 1",
        ))
    }
}

/// Checks that a value is positive and finite.
///
/// # Errors
/// It is not.
pub fn check_positive(key: &'static str, value: f64) -> Result<(), ConfigError> {
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(ConfigError::unsupported(key, value, "positive and finite"))
    }
}

/// Checks that a weight of `rows * columns` elements can be allocated at all.
///
/// # Errors
/// It cannot.
pub fn check_elements(key: &'static str, rows: usize, columns: usize) -> Result<(), ConfigError> {
    match rows.checked_mul(columns) {
        Some(elements) if elements <= MAX_ELEMENTS => Ok(()),
        _ => Err(ConfigError::unsupported(
            key,
            format!("the cause of a weight of {rows} x {columns}"),
            format!("such that no weight has over {MAX_ELEMENTS} elements"),
        )),
    }
}
