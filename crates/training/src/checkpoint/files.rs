//! Files that are on the disk before anything says so.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::FileEntry;
use crate::TrainingError;
use lamplight_data::atomic_file::sync_folder;

/// Bytes that are hashed at once.
const CHUNK: usize = 1 << 20;

/// Every file below a folder, its path relative to it, sorted; folders are flushed on the way.
pub(super) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, TrainingError> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        let path = folder.join(&relative);
        let reading = TrainingError::io("read", &path);
        let entries = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        for entry in entries.map_err(reading)? {
            let below = relative.join(entry.file_name());
            let kind = entry
                .file_type()
                .map_err(TrainingError::io("read", &path))?;
            if kind.is_dir() {
                folders.push(below);
            } else {
                files.push(below);
            }
        }
        sync_folder(&path)?;
    }
    files.sort();
    Ok(files)
}

/// Size and digest of a file.
pub(super) fn entry(path: &Path) -> io::Result<FileEntry> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut num_bytes = 0;
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        hasher.update(&chunk[..count]);
        num_bytes += count as u64;
    }
    Ok(FileEntry {
        num_bytes,
        sha256: format!("{:x}", hasher.finalize()),
    })
}

/// Removes whatever stands at a path: a folder with all in it, a file, or a link but not what it points to.
pub(super) fn remove(path: &Path) -> Result<(), TrainingError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(TrainingError::io("remove", path))
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
