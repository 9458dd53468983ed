//! Data sets in folders, as commands name them: beside files and patterns, a folder with a manifest, or the manifest.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Fields, FilesManifest};
use crate::DataError;
use crate::objective::text_tasks::TextTask;
use crate::source::{
    self, BadRecords, PairFields, PlainText, ReadSettings, TextFile, TextPair, read_records,
};

/// The name of a manifest beside its files.
pub const MANIFEST: &str = "dataset.toml";

/// The split that is trained on.
pub const TRAIN: &str = "train";
/// The split that is scored.
pub const HELD_OUT: &str = "held_out";

/// A file of pairs, or of records that a task makes pairs of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFile {
    /// The file.
    pub path: PathBuf,
    /// What its records hold.
    pub fields: Fields,
}

/// Whether a path names a data set, which has splits of its own.
pub fn is_dataset(path: &Path) -> bool {
    let is_manifest = path
        .extension()
        .is_some_and(|extension| extension == "toml");
    (is_manifest && path.is_file()) || path.join(MANIFEST).is_file()
}

/// The files of documents that paths and patterns name; of a data set those of one split, with its field in place of the
/// one in `settings`.
///
/// # Errors
/// As [`source::expand`]; [`DataError::InvalidManifest`] for a data set that has no documents, [`DataError::NoSplit`].
pub fn text_files(
    patterns: &[PathBuf],
    split: &str,
    settings: &ReadSettings,
) -> Result<Vec<TextFile>, DataError> {
    let mut files = Vec::new();
    for (paths, fields) in resolve(patterns, split)? {
        let settings = match fields {
            None => settings.clone(),
            Some((_, Fields::Text(text_field))) => ReadSettings {
                text_field,
                plain_text: PlainText::Blocks,
            },
            Some((manifest, _)) => {
                return Err(DataError::InvalidManifest {
                    path: manifest,
                    reason: "a data set of pairs, where documents are asked for".to_owned(),
                });
            }
        };
        files.extend(paths.into_iter().map(|path| TextFile {
            path,
            settings: settings.clone(),
        }));
    }
    Ok(files)
}

/// The files of pairs that paths and patterns name; of a data set those of one split.
///
/// # Errors
/// As [`text_files`], for a data set of documents.
pub fn pair_files(patterns: &[PathBuf], split: &str) -> Result<Vec<PairFile>, DataError> {
    let mut files = Vec::new();
    for (paths, fields) in resolve(patterns, split)? {
        let fields = match fields {
            None => Fields::Pair(PairFields::default()),
            Some((manifest, Fields::Text(_))) => {
                return Err(DataError::InvalidManifest {
                    path: manifest,
                    reason: "a data set of documents, where pairs are asked for".to_owned(),
                });
            }
            Some((_, fields)) => fields,
        };
        files.extend(paths.into_iter().map(|path| PairFile {
            path,
            fields: fields.clone(),
        }));
    }
    Ok(files)
}

/// Files, and where a manifest names them, that and what it says of their fields.
type Resolved = (Vec<PathBuf>, Option<(PathBuf, Fields)>);

fn resolve(patterns: &[PathBuf], split: &str) -> Result<Vec<Resolved>, DataError> {
    let (datasets, others): (Vec<&PathBuf>, Vec<&PathBuf>) =
        patterns.iter().partition(|path| is_dataset(path));
    let mut resolved = Vec::new();
    if !others.is_empty() || datasets.is_empty() {
        let others: Vec<PathBuf> = others.into_iter().cloned().collect();
        resolved.push((source::expand(&others)?, None));
    }
    for path in datasets {
        let path = match path.is_dir() {
            true => path.join(MANIFEST),
            false => path.clone(),
        };
        let manifest = FilesManifest::read(&path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let files = manifest.files(folder, split)?;
        resolved.push((files, Some((path, manifest.fields))));
    }
    Ok(resolved)
}

impl PairFile {
    /// The pairs of the file, bad records skipped and counted.
    ///
    /// # Errors
    /// What keeps the file from being read, and [`DataError::UnknownTask`].
    pub fn read(&self, bad: &mut BadRecords) -> Result<Vec<TextPair>, DataError> {
        match &self.fields {
            Fields::Pair(fields) => source::pairs(&self.path, fields)?
                .filter_map(|pair| bad.keep(pair).transpose())
                .collect(),
            Fields::Task(task) => self.task_pairs(task.parse()?, bad),
            Fields::Text(_) => Ok(Vec::new()),
        }
    }

    fn task_pairs(&self, task: TextTask, bad: &mut BadRecords) -> Result<Vec<TextPair>, DataError> {
        let mut pairs = Vec::new();
        for record in read_records(&self.path, TextTask::FIELDS)? {
            let Some(record) = bad.keep(record)? else {
                continue;
            };
            let names = TextTask::FIELDS.iter().map(|name| (*name).to_owned());
            let fields: Map<String, Value> = names.zip(record.values).collect();
            let made = task.pairs(&fields).map_err(|source| DataError::Document {
                path: self.path.clone(),
                line: record.line,
                source: Box::new(source),
            });
            pairs.extend(bad.keep(made)?.into_iter().flatten());
        }
        Ok(pairs)
    }
}
