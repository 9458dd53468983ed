//! The files behind paths, folders and patterns.

use crate::DataError;
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

/// The files that `patterns` name. A file stands for itself; a folder for the files below it that are named as text
/// (`.jsonl`, `.ndjson`, `.json`, `.csv`, `.tsv`, `.txt`, each also compressed, and `.parquet`; hidden ones left out), in
/// order; anything else is a glob pattern. Each file comes once, where it is first named.
///
/// # Errors
/// [`DataError::NoFiles`] for a pattern without a file, or no pattern at all; [`DataError::InvalidPattern`];
/// [`DataError::Read`] for a folder that cannot be listed.
pub fn expand(patterns: &[PathBuf]) -> Result<Vec<PathBuf>, DataError> {
    let mut files = Vec::new();
    for pattern in patterns {
        let before = files.len();
        if pattern.exists() {
            collect(pattern, &mut files)?;
        } else {
            for path in matches(pattern)? {
                collect(&path, &mut files)?;
            }
        }
        if files.len() == before {
            return Err(no_files(pattern));
        }
    }
    if files.is_empty() {
        return Err(no_files(Path::new("")));
    }
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

fn matches(pattern: &Path) -> Result<Vec<PathBuf>, DataError> {
    let text = pattern.to_str().ok_or_else(|| no_files(pattern))?;
    let paths = glob::glob(text).map_err(|source| DataError::InvalidPattern {
        pattern: pattern.to_owned(),
        source,
    })?;
    paths
        .map(|path| {
            path.map_err(|error| DataError::Read {
                path: error.path().to_owned(),
                source: error.into(),
            })
        })
        .collect()
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), DataError> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let reading = |source| DataError::Read {
        path: path.to_owned(),
        source,
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let linked_folder =
            entry.file_type().map_err(reading)?.is_symlink() && entry.path().is_dir();
        // A link to a folder may lead back up here.
        let path = entry.path();
        if !hidden && !linked_folder && (path.is_dir() || is_named_as_text(&path)) {
            entries.push(path);
        }
    }
    entries.sort();
    entries.iter().try_for_each(|entry| collect(entry, files))
}

/// What else lies in a folder of corpora, a README say, is no document.
fn is_named_as_text(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let inner = [".gz", ".zst", ".zstd"]
        .iter()
        .find_map(|end| name.strip_suffix(end));
    if inner.is_none() && name.ends_with(".parquet") {
        return true;
    }
    let name = inner.unwrap_or(&name);
    [".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt"]
        .iter()
        .any(|end| name.ends_with(end))
}

fn no_files(pattern: &Path) -> DataError {
    DataError::NoFiles {
        pattern: pattern.to_owned(),
    }
}
