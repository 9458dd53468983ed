//! Why a recipe was refused.

use std::path::PathBuf;

/// A recipe that cannot be used. Every variant names the key, and the file and line where known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The file cannot be read.
    #[error("cannot read the recipe {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// No preset has this name.
    #[error(
        "there is no recipe `{name}`{hint}; presets: {known} (a path to your own must end in .toml)"
    )]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// A preset of a similar name, as a clause.
        hint: String,
        /// All presets.
        known: String,
    },
    /// A key that no recipe has.
    #[error("{origin}: unknown key `{key}`{hint}")]
    UnknownKey {
        /// File and line, or the override.
        origin: String,
        /// The key.
        key: String,
        /// A key of a similar name, or the known keys, as a clause.
        hint: String,
    },
    /// The text is no TOML, a key is missing, or a value has another type.
    #[error("{origin}: {reason}")]
    Invalid {
        /// File and line, or the override.
        origin: String,
        /// What the parser said.
        reason: String,
    },
    /// A value that makes no sense.
    #[error("recipe key `{key}` is {value}; it must be {expected}")]
    Value {
        /// The key with its section.
        key: String,
        /// The value found.
        value: String,
        /// What would be accepted.
        expected: String,
    },
    /// A key that the chosen model, objective, optimizer or schedule never reads.
    #[error("recipe key `{key}` is not read with {context}; remove it")]
    Unused {
        /// The key with its section.
        key: &'static str,
        /// The choice, or the other key, that leaves it unread.
        context: &'static str,
    },
}
