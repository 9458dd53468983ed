use std::path::{Path, PathBuf};

use lamplight_layers::pretrained::Checkpoint;

use crate::Case;

/// The variable that names a folder in which tests keep the models they save, one folder per
/// case, for `load_in_python.py`.
pub const SAVED_VARIABLE: &str = "LAMPLIGHT_SAVED";

/// A folder to save a model of a case in.
#[derive(Debug)]
pub enum SavedFolder {
    /// Goes away when dropped.
    Temporary(tempfile::TempDir),
    /// Below the folder in `LAMPLIGHT_SAVED`.
    Kept(PathBuf),
}

impl SavedFolder {
    /// The folder for this case.
    ///
    /// # Panics
    /// There is no place for temporary folders.
    pub fn new(case: &Case) -> Self {
        match std::env::var_os(SAVED_VARIABLE) {
            Some(folder) => Self::Kept(PathBuf::from(folder).join(&case.name)),
            None => Self::Temporary(tempfile::tempdir().expect("a temporary folder")),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

/// Asserts that the folder `saved` holds the same tensors as the folder `original`.
///
/// # Panics
/// It does not, or a file cannot be read.
pub fn assert_same_tensors(original: &Path, saved: &Path) {
    let [original, saved] = [original, saved]
        .map(|folder| Checkpoint::open(folder).unwrap_or_else(|error| panic!("{error}")));
    assert!(
        original.names().eq(saved.names()),
        "names in {:?}",
        original.folder()
    );
    for name in original.names() {
        assert_eq!(original.shape(name), saved.shape(name), "shape of `{name}`");
        assert_eq!(
            original.read(name).unwrap(),
            saved.read(name).unwrap(),
            "`{name}`"
        );
    }
}
