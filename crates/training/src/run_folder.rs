//! The folder of a run: `origin.json`, `tokenizer/`, `recipe.toml`, `metrics.jsonl`, `report.html` and
//! `checkpoints/step-N`.

mod place;

pub use place::{next_free, take};

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lamplight_data::atomic_file;
use lamplight_data::tokenizer::Tokenizer;
use serde::{Deserialize, Serialize};

use crate::TrainingError;
use crate::checkpoint::Checkpoints;
use crate::texts::Sources;

const RECIPE: &str = "recipe.toml";
const ORIGIN: &str = "origin.json";
const CHECKPOINTS: &str = "checkpoints";
const LOCK: &str = ".lock";
const TOKENIZER: &str = "tokenizer";
/// Whether a run may leave this before its recipe is written, from when on it can be resumed.
fn is_left_over(name: &OsStr) -> bool {
    let partial = [ORIGIN, RECIPE].map(atomic_file::partial_name);
    [LOCK, CHECKPOINTS, ORIGIN, TOKENIZER]
        .iter()
        .any(|whole| name == *whole)
        || partial.iter().any(|partial| name == partial.as_str())
}

/// A folder that one process trains in at a time.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
    /// Locked as long as a clone of this lives; the system lets go of it when the process dies.
    lock: Option<Arc<File>>,
}

/// Where a run came from: what a resumed one cannot tell from the recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The recipe's name.
    pub name: String,
    /// The texts, by absolute paths.
    pub sources: Sources,
    /// The folder of the weights it started from; none for drawn ones.
    pub init_from: Option<PathBuf>,
}

impl RunFolder {
    /// Takes `path`, which must not exist or be an empty folder.
    ///
    /// # Errors
    /// It is a file, holds something, or cannot be written.
    pub fn create(path: &Path) -> Result<Self, TrainingError> {
        take(path)?;
        let mut run = Self::unlocked(path);
        run.lock()?;
        // Also the proof that the folder can be written, before any long work.
        let checkpoints = run.path.join(CHECKPOINTS);
        fs::create_dir_all(&checkpoints).map_err(TrainingError::io("create", &checkpoints))?;
        Ok(run)
    }

    /// The folder of a run that was begun before, to look at.
    ///
    /// # Errors
    /// It is none: the recipe or the metrics are not there.
    pub fn open(path: &Path) -> Result<Self, TrainingError> {
        let run = Self::unlocked(path);
        run.require(&run.recipe())?;
        run.require(&run.metrics())?;
        Ok(run)
    }

    /// Takes the first of `runs/NAME-1`, `runs/NAME-2` and so on that does not exist.
    ///
    /// # Errors
    /// None can be created.
    pub fn create_next(name: &str) -> Result<Self, TrainingError> {
        Self::create(&next_free(name)?)
    }

    /// The folder of a run that was begun before, to train on in.
    ///
    /// # Errors
    /// It is no run's folder, another process trains in it, or it cannot be written.
    pub fn reopen(path: &Path) -> Result<Self, TrainingError> {
        let mut run = Self::unlocked(path);
        run.require(&run.recipe())?;
        run.lock()?;
        Ok(run)
    }

    fn unlocked(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            lock: None,
        }
    }

    fn require(&self, file: &Path) -> Result<(), TrainingError> {
        if file.is_file() {
            return Ok(());
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Err(TrainingError::NotARun {
            path: self.path.clone(),
            missing: name.into_owned(),
        })
    }

    fn lock(&mut self) -> Result<(), TrainingError> {
        let path = self.path.join(LOCK);
        let opening = File::options().create(true).append(true).open(&path);
        let file = opening.map_err(TrainingError::io("write", &path))?;
        match file.try_lock() {
            Ok(()) => {
                self.lock = Some(Arc::new(file));
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(TrainingError::RunBusy {
                path: self.path.clone(),
            }),
            Err(TryLockError::Error(error)) => Err(TrainingError::io("lock", &path)(error)),
        }
    }

    /// Removes the folder again unless something was written into it.
    pub(crate) fn remove_if_unused(&self) {
        if self.path.join(ORIGIN).exists() {
            return;
        }
        // A folder that holds something is not removed by this, and one that cannot be removed harms nobody.
        let _ = fs::remove_dir(self.path.join(CHECKPOINTS));
        let _ = fs::remove_file(self.path.join(LOCK));
        let _ = fs::remove_dir(&self.path);
    }

    /// Writes down what the run is made of; with that it can be resumed.
    pub(crate) fn begin(
        &self,
        origin: &Origin,
        recipe: &str,
        tokenizer: &Tokenizer,
    ) -> Result<(), TrainingError> {
        let path = self.path.join(ORIGIN);
        let failed = |error: serde_json::Error| TrainingError::io("write", &path)(error.into());
        let text = serde_json::to_string_pretty(origin).map_err(failed)?;
        atomic_file::write(&path, text.as_bytes())?;
        tokenizer.save(&self.tokenizer())?;
        // The last of them: where it is, the others are too.
        Ok(atomic_file::write(&self.recipe(), recipe.as_bytes())?)
    }

    /// Where the run came from.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn origin(&self) -> Result<Origin, TrainingError> {
        let path = self.path.join(ORIGIN);
        let text = fs::read_to_string(&path).map_err(TrainingError::io("read", &path))?;
        serde_json::from_str(&text).map_err(|error| TrainingError::io("read", &path)(error.into()))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved recipe.
    pub fn recipe(&self) -> PathBuf {
        self.path.join(RECIPE)
    }

    /// The resolved recipe's text, by whose bytes checkpoints know their run.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn recipe_text(&self) -> Result<String, TrainingError> {
        let path = self.recipe();
        fs::read_to_string(&path).map_err(TrainingError::io("read", &path))
    }

    /// The tokenizer that the run's texts are made of.
    pub fn tokenizer(&self) -> PathBuf {
        self.path.join(TOKENIZER)
    }

    /// The weights that a low-rank adaptation leaves as they are: a checkpoint of step 0.
    pub fn frozen(&self) -> Checkpoints {
        Checkpoints::new(self.path.join("frozen"))
    }

    /// The metrics.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The report page.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// The checkpoints.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::new(self.path.join(CHECKPOINTS))
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
    fn a_folder_is_one_process_s_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let run = RunFolder::create(&path).unwrap();
        fs::write(run.recipe(), "").unwrap();
        let second = RunFolder::reopen(&path).unwrap_err();
        assert!(matches!(second, TrainingError::RunBusy { .. }), "{second}");
        drop(run);
        RunFolder::reopen(&path).unwrap();
    }

    #[test]
    fn an_unused_folder_goes_away_and_a_used_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let unused = RunFolder::create(&folder.path().join("unused")).unwrap();
        unused.remove_if_unused();
        assert!(!unused.path().exists());
        let used = RunFolder::create(&folder.path().join("used")).unwrap();
        fs::write(used.path().join(ORIGIN), "{}").unwrap();
        used.remove_if_unused();
        assert!(used.path().join(CHECKPOINTS).exists());
    }
}
