//! What was fetched into a folder: a file beside the data that pins the commit and every SHA-256.

#[cfg(feature = "hub")]
use super::HubRepository;
use super::{checksum::is_sha256, repository::is_path_within};
use crate::DataError;
#[cfg(feature = "hub")]
use crate::atomic_file;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, io, path::Path};

/// Its name in the folder of the data.
pub(super) const LOCK: &str = "dataset.lock.toml";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    /// `owner/name`.
    pub(super) hub: String,
    /// The branch, tag or commit that was asked for.
    pub(super) revision: String,
    /// The commit it was then.
    pub(super) commit: String,
    /// By path in the repository, which is that in the folder.
    #[serde(default)]
    pub(super) files: BTreeMap<String, LockedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LockedFile {
    /// In bytes.
    pub(super) size: u64,
    pub(super) sha256: String,
}

impl Lock {
    /// The lock of a folder, none where nothing was fetched into it.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, DataError> {
        let path = folder.join(LOCK);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(DataError::Read { path, source }),
        };
        let invalid = |reason: String| DataError::InvalidManifest {
            path: path.clone(),
            reason,
        };
        let lock: Self = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        let is_bad = |(name, file): &(&String, &LockedFile)| {
            !is_path_within(name) || !is_sha256(&file.sha256)
        };
        match lock.files.iter().find(is_bad) {
            Some((name, _)) => Err(invalid(format!(
                "files.\"{name}\": no path in the folder with a SHA-256"
            ))),
            None => Ok(Some(lock)),
        }
    }

    /// That the folder was filled from this repository.
    #[cfg(feature = "hub")]
    pub(super) fn check_repository(
        &self,
        folder: &Path,
        repository: &HubRepository,
    ) -> Result<(), DataError> {
        if self.hub == repository.name() && self.revision == repository.revision() {
            return Ok(());
        }
        Err(DataError::InvalidManifest {
            path: folder.join(LOCK),
            reason: format!(
                "the folder holds hub:{}@{}; fetch {repository} into another one",
                self.hub, self.revision
            ),
        })
    }

    /// Whether the folder has a file of the right size for each that was fetched.
    #[cfg(feature = "hub")]
    pub(super) fn is_whole(&self, folder: &Path) -> bool {
        let size = |path: &str| fs::metadata(folder.join(path)).map(|file| file.len()).ok();
        let mut files = self.files.iter();
        !self.files.is_empty() && files.all(|(path, file)| size(path) == Some(file.size))
    }

    /// Replaces the lock of a folder, all or nothing.
    #[cfg(feature = "hub")]
    pub(super) fn write(&self, folder: &Path) -> Result<(), DataError> {
        let path = folder.join(LOCK);
        match toml::to_string(self) {
            Ok(text) => atomic_file::write(&path, text.as_bytes()),
            Err(error) => Err(DataError::Write {
                path,
                source: io::Error::other(error),
            }),
        }
    }

    /// The files with the SHA-256 each should have.
    pub(super) fn checksums(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter();
        files.map(|(path, file)| (path.as_str(), file.sha256.as_str()))
    }
}
