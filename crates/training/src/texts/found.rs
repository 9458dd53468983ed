//! What the paths and patterns of a run name.

use std::path::PathBuf;

use lamplight_data::DataError;
use lamplight_data::dataset::{PairFile, pair_files, text_files};
use lamplight_data::source::{ReadSettings, TextFile, expand};
use lamplight_data::store::Store;

use crate::recipe::Objective;

/// The files that were found.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// To train on.
    pub training: Found,
    /// Held out.
    pub held_out: Found,
}

/// Files of text or of pairs, or prepared stores, but only one of these.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Files of documents.
    pub texts: Vec<TextFile>,
    /// Files of pairs.
    pub pairs: Vec<PairFile>,
    /// Files of labelled records.
    pub labelled: Vec<PathBuf>,
    /// Folders of prepared stores.
    pub stores: Vec<PathBuf>,
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
            && self.pairs.is_empty()
            && self.labelled.is_empty()
            && self.stores.is_empty()
    }
}

/// What paths and patterns name; of a data set the files of one split.
pub(crate) fn find(
    patterns: &[PathBuf],
    split: &str,
    objective: Objective,
) -> Result<Found, DataError> {
    let pairs = objective == Objective::TextToText;
    let (stores, files): (Vec<PathBuf>, Vec<PathBuf>) =
        (patterns.iter().cloned()).partition(|path| Store::is_at(path));
    let refused = |reason: &str| {
        Err(DataError::InvalidStore {
            path: stores.first().cloned().unwrap_or_default(),
            reason: reason.to_owned(),
        })
    };
    let mut found = Found::default();
    if !stores.is_empty() && !files.is_empty() {
        return refused("a prepared store beside files of text: prepare those, too");
    }
    if !stores.is_empty() && (pairs || objective.is_labelled()) {
        return refused("a prepared store has no targets: name the files that have");
    }
    if files.is_empty() {
        found.stores = stores;
    } else if objective.is_labelled() {
        found.labelled = expand(&files)?;
    } else if pairs {
        found.pairs = pair_files(&files, split)?;
    } else {
        found.texts = text_files(&files, split, &ReadSettings::default())?;
    }
    Ok(found)
}
