//! Files of the hub into a folder, each whole and checked before it has its name there.

mod download;
mod model;

use super::{
    FilesManifest, Hub, HubRepository,
    checksum::compare,
    hub::{Failure, HubFile, Snapshot},
    lock::{LOCK, Lock},
};
use crate::DataError;
use download::Download;
pub use model::ModelCache;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// How often a file is tried again without a byte more of it.
const NUM_RETRIES: u32 = 4;
/// How long is waited before the first of those; each time twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// What to fetch.
#[derive(Clone)]
pub struct FetchRequest {
    /// Where it is asked for.
    pub hub: Hub,
    /// Which data set or model.
    pub repository: HubRepository,
    /// Paths and glob patterns of the files; all of them where there are none.
    pub include: Vec<String>,
    /// SHA-256 that is known of files beforehand, by path.
    pub sha256: BTreeMap<String, String>,
}

/// How far a fetch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchProgress<'a> {
    /// Path of the file at hand.
    pub file: &'a str,
    /// Bytes that are there, of all files, those of earlier fetches too.
    pub bytes_done: u64,
    /// Bytes of all files.
    pub bytes_total: u64,
}

impl FetchRequest {
    /// What a manifest describes, none where it has no repository on the hub.
    ///
    /// # Errors
    /// [`DataError::InvalidRepository`]; never for a manifest that was read.
    pub fn of_manifest(manifest: &FilesManifest, hub: Hub) -> Result<Option<Self>, DataError> {
        let files = manifest.splits.values().flatten();
        let sha256 = manifest
            .checksums()
            .map(|(path, sha256)| (path.to_owned(), sha256.to_owned()));
        Ok(manifest.repository()?.map(|repository| Self {
            hub,
            repository,
            include: files.map(|file| file.path.clone()).collect(),
            sha256: sha256.collect(),
        }))
    }
}

/// Downloads the files into a folder, under the paths of the repository, and gives those paths there in order.
///
/// A fetch that was killed goes on where it was when it is started again: files that are there are kept, one that was
/// under way is continued. The first fetch pins the commit and records each file's SHA-256 in `dataset.lock.toml`; later
/// ones into the folder get the same files. Where two processes fetch into a folder, one waits.
///
/// # Errors
/// [`DataError::Fetch`] for a request that failed for good, [`DataError::WrongChecksum`], [`DataError::UnsafePath`],
/// [`DataError::NoFiles`] for an `include` that matches no file, [`DataError::Read`] and [`DataError::Write`] for the
/// folder, [`DataError::InvalidManifest`] for its lock, also if it holds another data set.
pub fn fetch(
    request: &FetchRequest,
    folder: &Path,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<Vec<PathBuf>, DataError> {
    let fetch = Fetch { request, folder };
    fetch.run(|listed| select(request, listed), progress)
}

/// What is fetched, and where to.
#[derive(Clone, Copy)]
struct Fetch<'a> {
    request: &'a FetchRequest,
    folder: &'a Path,
}

impl Fetch<'_> {
    /// Fetches those of the listed files that are chosen.
    fn run(
        self,
        choose: impl FnOnce(Vec<HubFile>) -> Result<Vec<HubFile>, DataError>,
        progress: &mut dyn FnMut(FetchProgress<'_>),
    ) -> Result<Vec<PathBuf>, DataError> {
        let Self { request, folder } = self;
        let _alone = lock_folder(folder)?;
        let lock = match Lock::read(folder)? {
            Some(lock) => {
                lock.check_repository(folder, &request.repository)?;
                lock
            }
            None => Lock {
                hub: request.repository.name().to_owned(),
                revision: request.repository.revision().to_owned(),
                commit: retried(|| request.hub.commit(&request.repository))?,
                files: BTreeMap::new(),
            },
        };
        let snapshot = Snapshot {
            repository: &request.repository,
            commit: &lock.commit,
        };
        let listed = retried(|| request.hub.files(snapshot))?;
        let files = choose(listed)?;
        let mut download = Download {
            request,
            folder,
            lock,
            bytes_done: 0,
            bytes_total: files.iter().map(|file| file.size).sum(),
            progress,
        };
        files.iter().map(|file| download.file(file)).collect()
    }
}

/// Holds the folder until it is dropped.
fn lock_folder(folder: &Path) -> Result<File, DataError> {
    let path = folder.join(".fetching");
    let open = || -> io::Result<File> {
        fs::create_dir_all(folder)?;
        let file = File::create(&path)?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(|source| DataError::Write {
        path: path.clone(),
        source,
    })
}

/// The files asked for, each checked against the SHA-256 known of it.
fn select(request: &FetchRequest, listed: Vec<HubFile>) -> Result<Vec<HubFile>, DataError> {
    let mut is_wanted = vec![request.include.is_empty(); listed.len()];
    for include in &request.include {
        let pattern = glob::Pattern::new(include).map_err(|source| DataError::InvalidPattern {
            pattern: include.into(),
            source,
        })?;
        let matches: Vec<bool> = listed
            .iter()
            .map(|file| file.path == *include || pattern.matches(&file.path))
            .collect();
        if !matches.contains(&true) {
            return Err(DataError::NoFiles {
                pattern: format!("{}/{include}", request.repository).into(),
            });
        }
        is_wanted
            .iter_mut()
            .zip(matches)
            .for_each(|(wanted, matches)| *wanted |= matches);
    }
    let wanted = listed
        .into_iter()
        .zip(is_wanted)
        .filter_map(|(file, wanted)| wanted.then_some(file));
    wanted
        .filter(|file| file.path != LOCK)
        .map(|mut file| {
            if let Some(expected) = request.sha256.get(&file.path) {
                let found = file.sha256.get_or_insert_with(|| expected.clone());
                compare(Path::new(&file.path), expected, found)?;
            }
            Ok(file)
        })
        .collect()
}

/// How often something is still tried again, and after how long.
struct Patience {
    num_left: u32,
    wait: Duration,
}

impl Patience {
    fn new() -> Self {
        Self {
            num_left: NUM_RETRIES,
            wait: FIRST_WAIT,
        }
    }

    /// Waits before the next try, or gives the failure back where there is none.
    fn wait(&mut self, failure: Failure) -> Result<(), DataError> {
        let error = match failure {
            Failure::Passing(error) if self.num_left > 0 => error,
            failure => return Err(failure.into_error()),
        };
        tracing::warn!("{error}; trying again in {:?}", self.wait);
        thread::sleep(self.wait);
        self.wait *= 2;
        self.num_left -= 1;
        Ok(())
    }
}

/// Asks until there is an answer, or no point in asking again.
fn retried<T>(mut ask: impl FnMut() -> Result<T, Failure>) -> Result<T, DataError> {
    let mut patience = Patience::new();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(failure) => patience.wait(failure)?,
        }
    }
}
