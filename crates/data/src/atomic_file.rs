//! A file that appears as a whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::DataError;

/// Writes beside `path` and renames, so that whoever reads `path` sees the old content or the new,
/// also after a crash.
///
/// # Errors
/// The folder cannot be written or is full; what was at `path` is still there.
pub fn write(path: &Path, content: &[u8]) -> Result<(), DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(partial_name(&name));
    let result = fill(&partial, content)
        .and_then(|()| fs::rename(&partial, path).map_err(DataError::writing(path)))
        .and_then(|()| match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => sync_folder(folder),
            _ => Ok(()),
        });
    if result.is_err() {
        // The error itself says more than a failure to tidy up would.
        let _ = fs::remove_file(&partial);
    }
    result
}

/// The name of what [`write()`] leaves beside a file when the process dies in the middle.
pub fn partial_name(name: &str) -> String {
    format!(".{name}.partial")
}

/// Flushes a folder's list of names to the disk, where the system can.
///
/// # Errors
/// The folder cannot be opened or flushed.
pub fn sync_folder(folder: &Path) -> Result<(), DataError> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(DataError::writing(folder))?;
    }
    Ok(())
}

fn fill(partial: &Path, content: &[u8]) -> Result<(), DataError> {
    // What an earlier crash left, or a link that somebody planted; the next line says if it stays.
    let _ = fs::remove_file(partial);
    let mut file = File::create_new(partial).map_err(DataError::writing(partial))?;
    (file.write_all(content))
        .and_then(|()| file.sync_all())
        .map_err(DataError::writing(partial))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_content_is_replaced_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_planted_beside_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("page"), folder.path().join("target"));
        fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join(".page.partial")).unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read(&target).unwrap(), b"kept");
    }

    #[test]
    fn a_failed_write_names_the_path_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("below")).unwrap();
        let error = write(&taken, b"new").unwrap_err().to_string();
        assert!(error.contains("taken"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
