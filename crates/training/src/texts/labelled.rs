//! Labelled records, those to train on and those held out.

use std::path::{Path, PathBuf};

use lamplight_data::DataError;
use lamplight_data::source::BadRecords;
use lamplight_data::source::labelled::LabelledRecords;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::Files;
use crate::TrainingError;
use crate::recipe::Recipe;

/// Records to train on, and to score on.
#[derive(Debug)]
pub(crate) struct Split<R> {
    pub(crate) training: Vec<R>,
    pub(crate) held_out: Vec<R>,
}

impl<R> Split<R> {
    /// How many there are on both sides.
    pub(crate) fn len(&self) -> usize {
        self.training.len() + self.held_out.len()
    }
}

/// Reads labelled records by `open`, and splits a share of them off where no files are held out.
///
/// # Errors
/// A file cannot be read or too many of its records are bad; nothing is left on a side.
pub(crate) fn load_labelled<R>(
    files: &Files,
    recipe: &Recipe,
    open: impl Fn(&Path) -> Result<LabelledRecords<R>, DataError>,
) -> Result<Split<R>, TrainingError> {
    let read = |paths: &[PathBuf]| {
        let bad = BadRecords::new(recipe.data.max_bad_fraction);
        read_labelled(paths, bad, &open)
    };
    let mut training = read(&files.training.labelled)?;
    let held_out = if files.held_out.is_empty() {
        split_off(&mut training, recipe)
    } else {
        read(&files.held_out.labelled)?
    };
    if training.is_empty() {
        return Err(TrainingError::NothingToTrainOn);
    }
    if held_out.is_empty() {
        return Err(TrainingError::NothingHeldOut);
    }
    Ok(Split { training, held_out })
}

/// The labelled records of files, in order.
///
/// # Errors
/// A file cannot be read, or there are more bad records than there may be.
pub(crate) fn read_labelled<R>(
    paths: &[PathBuf],
    mut bad: BadRecords,
    open: impl Fn(&Path) -> Result<LabelledRecords<R>, DataError>,
) -> Result<Vec<R>, TrainingError> {
    let mut records = Vec::new();
    for path in paths {
        for record in open(path)? {
            records.extend(bad.keep(record)?);
        }
    }
    bad.finish(records.len() as u64)?;
    Ok(records)
}

/// A share of the records, drawn from the recipe's seed, that goes out of `training`.
pub(super) fn split_off<R>(training: &mut Vec<R>, recipe: &Recipe) -> Vec<R> {
    training.shuffle(&mut ChaCha8Rng::seed_from_u64(recipe.training.seed));
    let num_held_out = (training.len() as f64 * recipe.data.held_out).ceil() as usize;
    training.split_off(training.len() - num_held_out)
}
