//! What a store says of itself.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::shard::ShardFacts;
use crate::source::{ReadSettings, TextFile};
use crate::tokenized::{Counts, sizes};
use crate::tokenizer::Tokenizer;
use crate::{DataError, atomic_file};

const NAME: &str = "store.json";
/// What this program writes and reads.
const FORMAT: u32 = 1;

/// What a store is made of: written first, so that whoever goes on with it goes on with the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    format: u32,
    /// SHA-256 of the tokenizer's files.
    pub tokenizer_sha256: String,
    /// One past its highest id.
    pub vocab_size: usize,
    /// Bytes of text after which a shard ends.
    pub shard_text_bytes: u64,
    /// The files of text, in their order.
    pub files: Vec<SourceFile>,
}

/// A file of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Its name, without the folders, which may differ between machines.
    pub name: String,
    /// Its size.
    pub num_bytes: u64,
    /// What a document of it is.
    pub settings: ReadSettings,
}

/// `store.json`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What the store is made of.
    pub plan: Plan,
    /// Tokens of all documents.
    pub num_tokens: u64,
    /// Documents that were read, and those that could not be used.
    pub counts: Counts,
    /// The shards, in their order.
    pub shards: Vec<ShardEntry>,
}

/// A shard; also written beside it as soon as it is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardEntry {
    /// The name of its file.
    file: String,
    /// What its header says.
    pub facts: ShardFacts,
    /// Documents that were read for it, and those that could not be used.
    pub counts: Counts,
}

impl Plan {
    pub(super) fn new(
        files: &[TextFile],
        tokenizer: &Tokenizer,
        shard_text_bytes: u64,
    ) -> Result<Self, DataError> {
        let sizes = sizes(files)?;
        let files = files.iter().zip(sizes).map(|(file, num_bytes)| SourceFile {
            name: (file.path.file_name().unwrap_or_default())
                .to_string_lossy()
                .into(),
            num_bytes,
            settings: file.settings.clone(),
        });
        Ok(Self {
            format: FORMAT,
            tokenizer_sha256: tokenizer.sha256()?,
            vocab_size: tokenizer.vocab_size(),
            shard_text_bytes,
            files: files.collect(),
        })
    }

    /// Why another plan is not this one.
    pub(super) fn difference(&self, other: &Self) -> &'static str {
        if self.tokenizer_sha256 != other.tokenizer_sha256 {
            "another tokenizer"
        } else if self.files != other.files {
            "other files or fields, or in another order"
        } else {
            "another shard size"
        }
    }
}

impl Manifest {
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    pub(super) fn read(folder: &Path) -> Result<Self, DataError> {
        let path = Self::path(folder);
        let manifest: Self = read_json(&path)?;
        if manifest.plan.format != FORMAT {
            return Err(DataError::InvalidStore {
                path,
                reason: format!(
                    "written in format {}, and this version reads format {FORMAT}",
                    manifest.plan.format
                ),
            });
        }
        Ok(manifest)
    }
}

impl ShardEntry {
    pub(super) fn new(file: String, facts: ShardFacts, counts: Counts) -> Self {
        Self {
            file,
            facts,
            counts,
        }
    }

    /// The name of its file, in the folder of the store and nowhere else.
    pub(super) fn file(&self) -> Result<&str, DataError> {
        let mut parts = Path::new(&self.file).components();
        match (parts.next(), parts.next()) {
            (Some(Component::Normal(_)), None) => Ok(&self.file),
            _ => Err(DataError::InvalidStore {
                path: PathBuf::from(NAME),
                reason: format!("names a shard outside of the store: {}", self.file),
            }),
        }
    }
}

/// Reads a JSON file of a store.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, DataError> {
    let text = fs::read_to_string(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|error| DataError::InvalidStore {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// Writes a JSON file of a store, whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DataError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| DataError::Write {
        path: path.to_owned(),
        source: error.into(),
    })?;
    atomic_file::write(path, text.as_bytes())
}
