//! Where a run may write.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::is_left_over;
use crate::TrainingError;

/// Where runs without a folder of their own go.
const RUNS: &str = "runs";

/// Makes sure that there is a folder at `path` that holds nothing, or nothing but what a run leaves
/// that was stopped before it began.
///
/// # Errors
/// There is a file, or a folder that holds something else, or none can be created.
pub fn take(path: &Path) -> Result<(), TrainingError> {
    match fs::read_dir(path) {
        Ok(entries) => {
            let mut names = entries.map(|entry| entry.map(|entry| entry.file_name()));
            match names.all(|name| name.is_ok_and(|name| is_left_over(&name))) {
                true => Ok(()),
                false => Err(TrainingError::OutputNotEmpty {
                    path: path.to_owned(),
                }),
            }
        }
        Err(_) if path.is_file() => Err(TrainingError::OutputIsFile {
            path: path.to_owned(),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(path).map_err(TrainingError::io("create", path))
        }
        Err(error) => Err(TrainingError::io("read", path)(error)),
    }
}

/// Creates the first of `runs/NAME-1`, `runs/NAME-2` and so on that does not exist.
///
/// # Errors
/// A folder cannot be created for another reason than that it exists.
pub fn next_free(name: &str) -> Result<PathBuf, TrainingError> {
    next_free_below(Path::new(RUNS), name)
}

fn next_free_below(parent: &Path, name: &str) -> Result<PathBuf, TrainingError> {
    fs::create_dir_all(parent).map_err(TrainingError::io("create", parent))?;
    let mut number = 1;
    loop {
        let path = parent.join(format!("{name}-{number}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(TrainingError::io("create", &path)(error)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_count_up() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..4 {
            let path = next_free_below(folder.path(), "tiny").unwrap();
            assert_eq!(path, folder.path().join(format!("tiny-{number}")));
        }
    }
}
