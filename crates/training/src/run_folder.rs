//! The folder of a run: `recipe.toml`, `metrics.jsonl`, `report.html` and `checkpoints/step-N`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::TrainingError;

/// Where runs without a folder of their own go.
const RUNS: &str = "runs";

/// A folder that was empty when the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Takes `path`, which must not exist or be an empty folder.
    ///
    /// # Errors
    /// It is a file, holds something, or cannot be written.
    pub fn create(path: &Path) -> Result<Self, TrainingError> {
        take(path)?;
        let run = Self {
            path: path.to_owned(),
        };
        // Also the proof that the folder can be written, before any long work.
        let checkpoints = run.checkpoints();
        fs::create_dir(&checkpoints).map_err(TrainingError::io("create", &checkpoints))?;
        Ok(run)
    }

    /// The folder of a run that was begun before.
    ///
    /// # Errors
    /// It is none: the recipe or the metrics are not there.
    pub fn open(path: &Path) -> Result<Self, TrainingError> {
        let run = Self {
            path: path.to_owned(),
        };
        for file in [run.recipe(), run.metrics()] {
            if !file.is_file() {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                return Err(TrainingError::NotARun {
                    path: path.to_owned(),
                    missing: name.into_owned(),
                });
            }
        }
        Ok(run)
    }

    /// Takes the first of `runs/NAME-1`, `runs/NAME-2` and so on that does not exist.
    ///
    /// # Errors
    /// None can be created.
    pub fn create_next(name: &str) -> Result<Self, TrainingError> {
        Self::create(&next_free(name)?)
    }

    /// Removes the folder again unless something was written into it.
    pub(crate) fn remove_if_unused(&self) {
        // A folder that holds something is not removed by this, and one that cannot be removed harms nobody.
        let _ = fs::remove_dir(self.checkpoints());
        let _ = fs::remove_dir(&self.path);
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved recipe.
    pub fn recipe(&self) -> PathBuf {
        self.path.join("recipe.toml")
    }

    /// The metrics.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The report page.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// The folder of one checkpoint.
    pub fn checkpoint(&self, step: usize) -> PathBuf {
        self.checkpoints().join(format!("step-{step}"))
    }

    /// Lets `write` fill the folder of a checkpoint, which appears under its name only when whole.
    ///
    /// # Errors
    /// `write` fails, or the folder cannot be renamed.
    pub fn save_checkpoint(
        &self,
        step: usize,
        write: impl FnOnce(&Path) -> Result<(), TrainingError>,
    ) -> Result<PathBuf, TrainingError> {
        let partial = self.checkpoints().join(format!(".step-{step}.partial"));
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(TrainingError::io("remove", &partial))?;
        }
        fs::create_dir(&partial).map_err(TrainingError::io("create", &partial))?;
        write(&partial)?;
        let whole = self.checkpoint(step);
        fs::rename(&partial, &whole).map_err(TrainingError::io("rename to", &whole))?;
        Ok(whole)
    }

    fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }
}

/// Makes sure that there is an empty folder at `path`.
///
/// # Errors
/// There is a file, or a folder that holds something, or none can be created.
pub fn take(path: &Path) -> Result<(), TrainingError> {
    match fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(TrainingError::OutputNotEmpty {
                path: path.to_owned(),
            }),
        },
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
    fn a_folder_that_holds_something_is_never_taken() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("kept"), "kept").unwrap();
        let error = RunFolder::create(folder.path()).unwrap_err();
        assert!(
            matches!(error, TrainingError::OutputNotEmpty { .. }),
            "{error}"
        );
        let file = folder.path().join("kept");
        let error = RunFolder::create(&file).unwrap_err();
        assert!(
            matches!(error, TrainingError::OutputIsFile { .. }),
            "{error}"
        );
        let below_file = file.join("run");
        assert!(RunFolder::create(&below_file).is_err());
        assert_eq!(fs::read_to_string(file).unwrap(), "kept");
    }

    #[test]
    fn names_count_up() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..4 {
            let path = next_free_below(folder.path(), "tiny").unwrap();
            assert_eq!(path, folder.path().join(format!("tiny-{number}")));
        }
    }

    #[test]
    fn a_checkpoint_that_fails_leaves_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&folder.path().join("run")).unwrap();
        let write = |path: &Path| {
            fs::write(path.join("weights"), "1").map_err(TrainingError::io("write", path))
        };
        run.save_checkpoint(1, write).unwrap();
        let failed = run.save_checkpoint(2, |path| {
            write(path)?;
            Err(TrainingError::Device("lost".to_owned()))
        });
        assert!(failed.is_err());
        assert!(run.checkpoint(1).join("weights").exists());
        assert!(!run.checkpoint(2).exists());
        run.save_checkpoint(2, write).unwrap();
        assert!(run.checkpoint(2).join("weights").exists());
    }
}
