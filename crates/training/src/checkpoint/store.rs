//! The checkpoints of one run: written whole, found again, and thrown away when there are enough.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::files::remove;
use super::{Identity, Manifest, Position};
use crate::TrainingError;
use lamplight_data::atomic_file::sync_folder;

const PREFIX: &str = "step-";
/// Names of what a killed run may leave half done; nothing with such a name is ever read.
const SCRATCH: char = '.';
/// The end of the name of a checkpoint that makes room for another of its step.
const REPLACED: &str = ".replaced";
/// Before the name of a checkpoint that the run did not go on from.
const SET_ASIDE: &str = "set-aside-";

/// The folder that holds a run's checkpoints.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

/// A checkpoint whose every file is as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Intact {
    /// Its folder.
    pub path: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// Which checkpoints stay.
#[derive(Debug, Clone, PartialEq)]
pub struct Retention {
    /// The newest so many.
    pub num_last: usize,
    /// The best by this held-out score, and whether the highest is best.
    pub best: Option<(String, bool)>,
}

/// What is written beside the model.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) position: &'a Position,
    pub(crate) scores: &'a BTreeMap<String, f64>,
}

impl Checkpoints {
    /// The checkpoints below `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder of one step.
    pub fn path(&self, step: usize) -> PathBuf {
        self.folder.join(format!("{PREFIX}{step}"))
    }

    /// Removes what a killed run left half written. A checkpoint that was being replaced is put back.
    ///
    /// # Errors
    /// The folder cannot be read or something in it not removed.
    pub fn clean(&self) -> Result<(), TrainingError> {
        for name in self.names()? {
            let Some(scratch) = name.strip_prefix(SCRATCH) else {
                continue;
            };
            let path = self.folder.join(&name);
            match scratch.strip_suffix(REPLACED) {
                Some(step) if !self.folder.join(step).exists() => {
                    let whole = self.folder.join(step);
                    fs::rename(&path, &whole).map_err(TrainingError::io("rename to", &whole))?;
                }
                _ => remove(&path)?,
            }
        }
        Ok(())
    }

    /// The newest checkpoint with all files as they were written. Each damaged one on the way to it
    /// is told to `passed_over` with what is wrong.
    ///
    /// # Errors
    /// The folder cannot be read, or a checkpoint is of a newer program.
    pub fn newest_intact(
        &self,
        passed_over: &mut dyn FnMut(&TrainingError),
    ) -> Result<Option<Intact>, TrainingError> {
        self.newest(|_| true, passed_over, |_| Ok(()))
    }

    /// As [`Self::newest_intact`], to train on from there: whatever is newer than what is found gives
    /// its name up, so that it can neither be mistaken for this run's future nor count as kept. With
    /// `is_sound` only a checkpoint from between good steps will do.
    pub(crate) fn recover(
        &self,
        is_sound: bool,
        passed_over: &mut dyn FnMut(&TrainingError),
    ) -> Result<Option<Intact>, TrainingError> {
        let is_wanted = |manifest: &Manifest| !is_sound || manifest.is_sound();
        self.newest(is_wanted, passed_over, |step| {
            let aside = self.folder.join(format!("{SET_ASIDE}{PREFIX}{step}"));
            remove(&aside)?;
            fs::rename(self.path(step), &aside).map_err(TrainingError::io("rename to", &aside))
        })
    }

    /// The newest intact checkpoint that is wanted; each one before it is handed to `leave`, after a
    /// damaged one was told to `passed_over`.
    fn newest(
        &self,
        is_wanted: impl Fn(&Manifest) -> bool,
        passed_over: &mut dyn FnMut(&TrainingError),
        leave: impl Fn(usize) -> Result<(), TrainingError>,
    ) -> Result<Option<Intact>, TrainingError> {
        for step in self.steps()?.into_iter().rev() {
            match self.verified(step) {
                Ok(intact) if is_wanted(&intact.manifest) => return Ok(Some(intact)),
                Ok(_) => {}
                Err(error @ TrainingError::DamagedCheckpoint { .. }) => passed_over(&error),
                Err(error) => return Err(error),
            }
            leave(step)?;
        }
        Ok(None)
    }

    fn verified(&self, step: usize) -> Result<Intact, TrainingError> {
        let path = self.path(step);
        let manifest = Manifest::read(&path)?;
        manifest.verify(&path)?;
        Ok(Intact { path, manifest })
    }

    /// Lets `fill` write the files of a checkpoint, which appears under its name only when all of
    /// them and the manifest are on the disk. Whatever stood there before is replaced; a link is
    /// not followed.
    pub(crate) fn write(
        &self,
        record: &Record<'_>,
        fill: impl FnOnce(&Path) -> Result<(), TrainingError>,
    ) -> Result<Intact, TrainingError> {
        let path = self.path(record.position.step);
        let partial = self.scratch(record.position.step, ".partial");
        let replaced = self.scratch(record.position.step, REPLACED);
        remove(&partial)?;
        remove(&replaced)?;
        fs::create_dir_all(&partial).map_err(TrainingError::io("create", &partial))?;
        fill(&partial)?;
        let manifest = Manifest::write(&partial, record)?;
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                fs::rename(&path, &replaced).map_err(TrainingError::io("rename", &path))?;
            }
            _ => remove(&path)?,
        }
        fs::rename(&partial, &path).map_err(TrainingError::io("rename to", &path))?;
        sync_folder(&self.folder)?;
        remove(&replaced)?;
        Ok(Intact { path, manifest })
    }

    /// Removes every checkpoint but those to keep. One without a readable manifest is left alone.
    pub(super) fn prune(&self, retention: &Retention) -> Result<(), TrainingError> {
        let manifests: BTreeMap<usize, Manifest> = (self.steps()?.into_iter())
            .filter_map(|step| Some((step, Manifest::read(&self.path(step)).ok()?)))
            .collect();
        let newest = manifests.keys().rev().take(retention.num_last).copied();
        let mut kept: BTreeSet<usize> = newest.collect();
        kept.extend(best(&manifests, retention));
        // The one to go back to when the steps that follow are bad.
        let sound = manifests.iter().filter(|(_, manifest)| manifest.is_sound());
        kept.extend(sound.map(|(step, _)| *step).next_back());
        for &step in manifests.keys().filter(|step| !kept.contains(step)) {
            // Under another name first: half a folder must never look like a checkpoint.
            let doomed = self.scratch(step, ".removed");
            remove(&doomed)?;
            let path = self.path(step);
            fs::rename(&path, &doomed).map_err(TrainingError::io("rename", &path))?;
            remove(&doomed)?;
        }
        Ok(())
    }

    fn scratch(&self, step: usize, ending: &str) -> PathBuf {
        self.folder.join(format!("{SCRATCH}{PREFIX}{step}{ending}"))
    }

    /// The steps there is a folder for, ascending.
    fn steps(&self) -> Result<BTreeSet<usize>, TrainingError> {
        let names = self.names()?;
        let step = |name: &String| -> Option<usize> {
            let step = name.strip_prefix(PREFIX)?.parse().ok()?;
            // `step-07` is none of ours, and a link is not followed.
            let path = self.path(step);
            let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
            (is_folder && path.ends_with(name)).then_some(step)
        };
        Ok(names.iter().filter_map(step).collect())
    }

    fn names(&self) -> Result<Vec<String>, TrainingError> {
        let entries =
            fs::read_dir(&self.folder).map_err(TrainingError::io("read", &self.folder))?;
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<std::io::Result<_>>()
            .map_err(TrainingError::io("read", &self.folder))
    }
}

impl Intact {
    /// Reads a file of the checkpoint that was verified.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, TrainingError> {
        let path = self.path.join(name);
        fs::read(&path).map_err(TrainingError::io("read", &path))
    }

    /// Checks that this run wrote it.
    ///
    /// # Errors
    /// [`TrainingError::ForeignCheckpoint`] says what differs.
    pub fn check_identity(&self, expected: &Identity) -> Result<(), TrainingError> {
        let found = &self.manifest.identity;
        let difference = if found.family != expected.family {
            "it is a model of another family"
        } else if found.recipe_sha256 != expected.recipe_sha256 || found.seed != expected.seed {
            "it was trained by another recipe"
        } else if found.examples != expected.examples || found.held_out != expected.held_out {
            "the texts are not those it was trained or scored on"
        } else {
            return Ok(());
        };
        Err(TrainingError::ForeignCheckpoint {
            path: self.path.clone(),
            difference,
        })
    }
}

fn best(manifests: &BTreeMap<usize, Manifest>, retention: &Retention) -> Option<usize> {
    let (name, highest_is_best) = retention.best.as_ref()?;
    let scored = manifests.iter().filter_map(|(step, manifest)| {
        let score = *manifest.scores.get(name)?;
        Some((if *highest_is_best { score } else { -score }, *step))
    });
    // The earlier of two that are as good.
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0).then(right.1.cmp(&left.1)));
    best.map(|(_, step)| step)
}

#[cfg(test)]
mod tests;
