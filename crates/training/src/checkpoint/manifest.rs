//! `manifest.json`: where a run stood, and a digest of every file beside it and of itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use lamplight_data::atomic_file;
use lamplight_data::digest::Digest;
use lamplight_data::loader::Cursor;
use serde::{Deserialize, Serialize};

use super::Record;
use super::files::{self, sha256};
use crate::TrainingError;
use crate::recipe::Family;
use crate::stability::Stability;

const NAME: &str = "manifest.json";
/// What this program writes, and the newest that it reads.
const FORMAT: u64 = 2;
/// Stands for the manifest's own digest while that is computed.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What makes two runs the same: what was asked for, and of which texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The model family.
    pub family: Family,
    /// The seed that everything drawn follows from.
    pub seed: u64,
    /// SHA-256 of the resolved recipe.
    pub recipe_sha256: String,
    /// Digest of the training examples.
    pub examples: Digest,
    /// Digest of the held-out examples.
    pub held_out: Digest,
}

/// Where a run stands between two steps. Together with the weights and the optimizer's state,
/// everything that comes after follows from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Steps done.
    pub step: usize,
    /// Where the data goes on.
    pub cursor: Cursor,
    /// Real tokens seen.
    pub num_tokens: u64,
    /// Seconds of training so far, over all starts.
    pub seconds: f64,
    /// What was skipped, and the statistic of the gradient norm.
    pub stability: Stability,
}

/// A file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its size.
    pub num_bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// A checkpoint's description of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    sha256: String,
    format: u64,
    /// Which run wrote it.
    pub identity: Identity,
    /// Where the run stood.
    pub position: Position,
    /// Held-out scores after this step, if the model was evaluated then.
    pub scores: BTreeMap<String, f64>,
    /// Every other file by its path in the folder.
    pub files: BTreeMap<String, FileEntry>,
}

impl Manifest {
    /// Describes what lies in `folder`, flushes all of it to the disk and adds the manifest.
    pub(super) fn write(folder: &Path, record: &Record<'_>) -> Result<Self, TrainingError> {
        let mut entries = BTreeMap::new();
        for file in files::files_below(folder)? {
            let path = folder.join(&file);
            let synced = fs::File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(TrainingError::io("flush", &path))?;
            let entry = files::entry(&path).map_err(TrainingError::io("read", &path))?;
            entries.insert(file.to_string_lossy().replace('\\', "/"), entry);
        }
        let mut manifest = Self {
            sha256: NO_DIGEST.to_owned(),
            format: FORMAT,
            identity: record.identity.clone(),
            position: record.position.clone(),
            scores: record.scores.clone(),
            files: entries,
        };
        let path = folder.join(NAME);
        let failed = |error: serde_json::Error| TrainingError::io("write", &path)(error.into());
        let text = serde_json::to_string_pretty(&manifest).map_err(failed)? + "\n";
        manifest.sha256 = sha256(text.as_bytes());
        let text = text.replacen(NO_DIGEST, &manifest.sha256, 1);
        atomic_file::write(&path, text.as_bytes())?;
        atomic_file::sync_folder(folder)?;
        Ok(manifest)
    }

    /// Reads the manifest of a checkpoint without looking at its other files.
    ///
    /// # Errors
    /// [`TrainingError::DamagedCheckpoint`] when there is none or it is not as it was written,
    /// [`TrainingError::FutureCheckpoint`] when a newer program wrote it.
    pub fn read(folder: &Path) -> Result<Self, TrainingError> {
        let path = folder.join(NAME);
        let damaged = |reason: String| TrainingError::DamagedCheckpoint {
            path: folder.to_owned(),
            reason: format!("{NAME} {reason}"),
        };
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => damaged("is missing".to_owned()),
            _ => damaged(format!("cannot be read: {error}")),
        })?;
        let unreadable = |error: serde_json::Error| damaged(format!("cannot be read: {error}"));
        let text = String::from_utf8(bytes).map_err(|_| damaged("is no UTF-8".to_owned()))?;
        let value: serde_json::Value = serde_json::from_str(&text).map_err(unreadable)?;
        let digest = value["sha256"].as_str().unwrap_or_default();
        if digest.len() != NO_DIGEST.len()
            || sha256(text.replacen(digest, NO_DIGEST, 1).as_bytes()) != digest
        {
            return Err(damaged("does not match its own digest".to_owned()));
        }
        match value["format"].as_u64() {
            Some(FORMAT) => serde_json::from_str(&text).map_err(unreadable),
            Some(format) if format > FORMAT => Err(TrainingError::FutureCheckpoint {
                path: folder.to_owned(),
                format,
                known: FORMAT,
            }),
            Some(format) => Err(damaged(format!(
                "is of format {format}, which only an earlier version reads"
            ))),
            None => Err(damaged("names no format".to_owned())),
        }
    }

    /// Checks every file of the checkpoint against its size and digest.
    ///
    /// # Errors
    /// [`TrainingError::DamagedCheckpoint`], which names the file.
    pub fn verify(&self, folder: &Path) -> Result<(), TrainingError> {
        for (name, expected) in &self.files {
            let reason = match files::entry(&folder.join(name)) {
                Ok(found) if found == *expected => continue,
                Ok(found) if found.num_bytes != expected.num_bytes => format!(
                    "has {} bytes instead of {}",
                    found.num_bytes, expected.num_bytes
                ),
                Ok(_) => "does not match its digest".to_owned(),
                Err(error) => format!("cannot be read: {error}"),
            };
            return Err(TrainingError::DamagedCheckpoint {
                path: folder.to_owned(),
                reason: format!("{name} {reason}"),
            });
        }
        Ok(())
    }

    /// Whether the step before was a good one.
    pub(super) fn is_sound(&self) -> bool {
        self.position.stability.num_skipped_in_a_row == 0
    }
}
