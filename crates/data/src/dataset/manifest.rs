//! Manifests of data sets, `datasets/NAME.toml`.

use super::{
    HubRepository, MANIFEST,
    checksum::{self, is_sha256},
    lock::Lock,
    repository::is_path_within,
};
use crate::{
    DataError,
    source::{self, PairFields},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A manifest of either kind: with the key `generator`, the project makes the texts by program; without, they are files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// Made by program.
    Generated(GeneratedManifest),
    /// Files, of the hub or one's own.
    Files(FilesManifest),
}

/// A corpus that a function of this crate makes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratedManifest {
    /// Name of the corpus, the same as the manifest's file.
    pub name: String,
    /// What it holds, in a sentence or two.
    pub what: String,
    /// Licence of the text.
    pub licence: String,
    /// Source of the program that makes it.
    pub generator: String,
    /// The function to call.
    pub function: String,
    /// The seed the quickstart uses.
    pub seed: u64,
    /// How a text finds its part.
    pub splits: BTreeMap<String, String>,
    /// The fields of an example and what they hold.
    pub fields: BTreeMap<String, String>,
    /// What each task asks, for corpora of several.
    #[serde(default)]
    pub tasks: BTreeMap<String, TaskDescription>,
}

/// What a task of a generated corpus asks, with an example.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskDescription {
    /// What is asked.
    pub what: String,
    /// A question.
    pub input: String,
    /// Its answer.
    pub target: String,
}

/// A data set of files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesManifest {
    /// Name of the data set, the same as the manifest's file.
    pub name: String,
    /// What it holds, in a sentence or two.
    pub what: String,
    /// Its licence.
    pub licence: String,
    /// The hub's repository, `owner/name`, none for files of one's own.
    pub hub: Option<String>,
    /// Branch, tag or commit of the repository; `main` where none is given.
    pub revision: Option<String>,
    /// The files of each split, at least of one.
    pub splits: BTreeMap<String, Vec<DataFile>>,
    /// What is in a record.
    pub fields: Fields,
}

/// A file of a split, or a pattern for several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Path in the repository or folder; a glob pattern stands for what matches it.
    pub path: String,
    /// SHA-256 of the file in hexadecimal, of no pattern. Where none is given, the first fetch records it.
    pub sha256: Option<String>,
}

/// What the fields of a record are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "FieldsTable")]
pub enum Fields {
    /// Documents, whose text is in this field.
    Text(String),
    /// Inputs with their targets.
    Pair(PairFields),
    /// Records of a task of T5's, which knows its fields and how to word them.
    Task(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldsTable {
    text: Option<String>,
    input: Option<String>,
    target: Option<String>,
    task: Option<String>,
}

impl TryFrom<FieldsTable> for Fields {
    type Error = &'static str;

    fn try_from(table: FieldsTable) -> Result<Self, Self::Error> {
        match (table.text, table.input, table.target, table.task) {
            (Some(text), None, None, None) => Ok(Self::Text(text)),
            (None, Some(input), Some(target), None) => Ok(Self::Pair(PairFields { input, target })),
            (None, None, None, Some(task)) => Ok(Self::Task(task)),
            _ => Err("expected either `text`, or `input` and `target`, or `task`"),
        }
    }
}

impl Manifest {
    /// Reads a manifest and checks what it says.
    ///
    /// # Errors
    /// [`DataError::Read`], and [`DataError::InvalidManifest`], which says where and what is wrong.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let text = fs::read_to_string(path).map_err(|source| DataError::Read {
            path: path.to_owned(),
            source,
        })?;
        let invalid = |reason: String| DataError::InvalidManifest {
            path: path.to_owned(),
            reason,
        };
        let table: toml::Table =
            toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        let manifest = if table.contains_key("generator") {
            toml::from_str(&text).map(Self::Generated)
        } else {
            toml::from_str(&text).map(Self::Files)
        };
        let manifest = manifest.map_err(|error| invalid(error.to_string()))?;
        let name = manifest.name();
        // Beside its files a manifest has a name of its own.
        let is_beside_files = path.file_name().is_some_and(|name| name == MANIFEST);
        if !is_beside_files && path.file_stem().is_none_or(|stem| stem != name) {
            return Err(invalid(format!(
                "name = \"{name}\": expected the name of the file"
            )));
        }
        if let Self::Files(manifest) = &manifest {
            manifest.check().map_err(invalid)?;
        }
        Ok(manifest)
    }

    /// Name of the data set.
    pub fn name(&self) -> &str {
        match self {
            Self::Generated(manifest) => &manifest.name,
            Self::Files(manifest) => &manifest.name,
        }
    }
}

impl FilesManifest {
    /// Reads the manifest of a data set of files.
    ///
    /// # Errors
    /// As [`Manifest::read`]; [`DataError::InvalidManifest`] for one of texts that the project makes.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        match Manifest::read(path)? {
            Manifest::Files(manifest) => Ok(manifest),
            Manifest::Generated(manifest) => Err(DataError::InvalidManifest {
                path: path.to_owned(),
                reason: format!(
                    "describes a corpus that is generated: a recipe names it, corpus = \"{}\"",
                    manifest.name
                ),
            }),
        }
    }

    /// Where on the hub it comes from, none for files of one's own.
    ///
    /// # Errors
    /// [`DataError::InvalidRepository`]; never for a manifest that was read.
    pub fn repository(&self) -> Result<Option<HubRepository>, DataError> {
        let revision = self.revision.as_deref().unwrap_or("main");
        let name = self.hub.as_deref();
        name.map(|name| HubRepository::new(name, revision))
            .transpose()
    }

    /// The files of a split in a folder, in order.
    ///
    /// # Errors
    /// [`DataError::NoSplit`], and what [`source::expand`] says where files are missing.
    pub fn files(&self, folder: &Path, split: &str) -> Result<Vec<PathBuf>, DataError> {
        let Some(files) = self.splits.get(split) else {
            let names: Vec<&str> = self.splits.keys().map(String::as_str).collect();
            return Err(DataError::NoSplit {
                dataset: self.name.clone(),
                split: split.to_owned(),
                splits: names.join(", "),
            });
        };
        let paths: Vec<PathBuf> = files.iter().map(|file| folder.join(&file.path)).collect();
        source::expand(&paths)
    }

    /// Compares the files of a folder with every SHA-256 that the manifest or a fetch wrote down, and gives the number of
    /// files compared.
    ///
    /// # Errors
    /// [`DataError::WrongChecksum`] for the first that differs, [`DataError::Read`] for one that is missing.
    pub fn verify(&self, folder: &Path) -> Result<usize, DataError> {
        let lock = Lock::read(folder)?;
        let locked = lock.iter().flat_map(Lock::checksums);
        let mut num_files = 0;
        // A file of both is read twice only where they disagree, which is then said.
        let own: BTreeMap<&str, &str> = self.checksums().collect();
        for (path, sha256) in locked.filter(|(path, sha256)| own.get(path) != Some(sha256)) {
            checksum::check(&folder.join(path), sha256)?;
            num_files += 1;
        }
        for (path, sha256) in &own {
            checksum::check(&folder.join(path), sha256)?;
        }
        Ok(num_files + own.len())
    }

    /// The files with the SHA-256 each should have, where the manifest says.
    pub(super) fn checksums(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.splits.values().flatten();
        files.filter_map(|file| Some((file.path.as_str(), file.sha256.as_deref()?)))
    }

    /// What the types leave open.
    fn check(&self) -> Result<(), String> {
        self.repository().map_err(|error| error.to_string())?;
        if self.hub.is_none() && self.revision.is_some() {
            return Err("`revision` without `hub`".to_owned());
        }
        if self.splits.is_empty() {
            return Err("`splits` is empty".to_owned());
        }
        for (split, files) in &self.splits {
            if files.is_empty() {
                return Err(format!("splits.{split} has no files"));
            }
            for DataFile { path, sha256 } in files {
                let refused = |reason: &str| Err(format!("splits.{split}: \"{path}\": {reason}"));
                if !is_path_within(path) {
                    return refused("expected a path below the data set's folder, with `/`");
                }
                if glob::Pattern::new(path).is_err() {
                    return refused("not a valid pattern");
                }
                match sha256 {
                    Some(sha256) if !is_sha256(sha256) => {
                        return refused("expected `sha256` in 64 digits, 0-9 and a-f");
                    }
                    Some(_) if glob::Pattern::escape(path) != *path => {
                        return refused("a pattern has no `sha256`");
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
