//! One file after the other, each under another name until it is whole.

use super::super::{
    checksum::{self, compare},
    hub::{Failure, HubFile, Snapshot, fetch_error},
    lock::{Lock, LockedFile},
};
use super::{FetchProgress, FetchRequest, Patience};
use crate::DataError;
use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use ureq::http::{Response, StatusCode, header};

const CHUNK_BYTES: usize = 1 << 18;

/// A fetch under way.
pub(super) struct Download<'a> {
    pub(super) request: &'a FetchRequest,
    pub(super) folder: &'a Path,
    pub(super) lock: Lock,
    pub(super) bytes_done: u64,
    pub(super) bytes_total: u64,
    pub(super) progress: &'a mut dyn FnMut(FetchProgress<'_>),
}

impl Download<'_> {
    /// Fetches a file that is not there yet, and gives its path.
    pub(super) fn file(&mut self, file: &HubFile) -> Result<PathBuf, DataError> {
        let path = self.folder.join(&file.path);
        let before = self.bytes_done;
        if !self.is_there(file, &path)? {
            let partial = partial_path(&path, file);
            self.download(file, &partial)?;
            let writing = |source| DataError::Write {
                path: path.clone(),
                source,
            };
            let sha256 = checksum::sha256(&partial)?;
            if let Some(expected) = self.expected(file)
                && let Err(error) = compare(&path, &expected, &sha256)
            {
                // What is wrong would be continued otherwise.
                fs::remove_file(&partial).map_err(writing)?;
                return Err(error);
            }
            fs::rename(&partial, &path).map_err(writing)?;
            self.record(file, sha256)?;
        }
        self.bytes_done = before + file.size;
        self.report(file);
        Ok(path)
    }

    /// Whether the file has its name already: one that was fetched whole, or one with the right content.
    fn is_there(&mut self, file: &HubFile, path: &Path) -> Result<bool, DataError> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.len() != file.size => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => {
                return Err(DataError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        }
        let expected = self.expected(file);
        if let Some(locked) = self.lock.files.get(&file.path) {
            return Ok(expected.as_ref() == Some(&locked.sha256));
        }
        let sha256 = checksum::sha256(path)?;
        let is_right = expected.as_ref() == Some(&sha256);
        if is_right {
            self.record(file, sha256)?;
        }
        Ok(is_right)
    }

    /// The SHA-256 the file should have, where it is known.
    fn expected(&self, file: &HubFile) -> Option<String> {
        let locked = self.lock.files.get(&file.path);
        file.sha256
            .clone()
            .or_else(|| locked.map(|locked| locked.sha256.clone()))
    }

    fn record(&mut self, file: &HubFile, sha256: String) -> Result<(), DataError> {
        let size = file.size;
        self.lock
            .files
            .insert(file.path.clone(), LockedFile { size, sha256 });
        self.lock.write(self.folder)
    }

    fn report(&mut self, file: &HubFile) {
        (self.progress)(FetchProgress {
            file: &file.path,
            bytes_done: self.bytes_done,
            bytes_total: self.bytes_total,
        });
    }

    /// Brings a partial file to its full length, from wherever it stands.
    fn download(&mut self, file: &HubFile, partial: &Path) -> Result<(), DataError> {
        let before = self.bytes_done;
        let mut patience = Patience::new();
        let mut reached = 0;
        loop {
            let start = prepare(partial, file.size)?;
            self.bytes_done = before + start;
            if start == file.size {
                return Ok(());
            }
            if start > reached {
                (patience, reached) = (Patience::new(), start);
            }
            if let Err(failure) = self.transfer(file, partial, start) {
                patience.wait(failure)?;
            }
        }
    }

    /// Asks for the bytes from `start` on and writes what comes; all of them, or it has failed.
    fn transfer(&mut self, file: &HubFile, partial: &Path, start: u64) -> Result<(), Failure> {
        let snapshot = Snapshot {
            repository: &self.request.repository,
            commit: &self.lock.commit,
        };
        let (url, response) = self.request.hub.open(snapshot, &file.path, start)?;
        let goes_on = response.status() == StatusCode::PARTIAL_CONTENT;
        if goes_on && !starts_at(&response, start) {
            let reason = "another part than the one asked for".to_owned();
            return Err(Failure::Lasting(fetch_error(&url, reason)));
        }
        let writing = |source| {
            Failure::Lasting(DataError::Write {
                path: partial.to_owned(),
                source,
            })
        };
        let mut output = OpenOptions::new()
            .append(true)
            .open(partial)
            .map_err(writing)?;
        if !goes_on {
            output.set_len(0).map_err(writing)?;
            self.bytes_done -= start;
        }
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            let reason = "no such part of the file".to_owned();
            return Err(Failure::Passing(fetch_error(&url, reason)));
        }
        let mut body = Body {
            url,
            reader: response.into_body().into_reader(),
            left: file.size - if goes_on { start } else { 0 },
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Some(bytes) = body.next(&mut chunk)? {
            output.write_all(bytes).map_err(writing)?;
            self.bytes_done += bytes.len() as u64;
            self.report(file);
        }
        output.sync_all().map_err(writing)
    }
}

/// What a server sends of a file.
struct Body<R> {
    url: String,
    reader: R,
    /// Bytes that should still come.
    left: u64,
}

impl<R: Read> Body<R> {
    /// The next bytes; none at the end, which is where it should be.
    fn next<'a>(&mut self, chunk: &'a mut [u8]) -> Result<Option<&'a [u8]>, Failure> {
        let failure = |reason: String| fetch_error(&self.url, reason);
        let read = self.reader.read(chunk);
        let num_bytes = read.map_err(|error| Failure::Passing(failure(error.to_string())))?;
        if num_bytes == 0 && self.left > 0 {
            let reason = format!("broke off {} bytes before its end", self.left);
            return Err(Failure::Passing(failure(reason)));
        }
        let left = self.left.checked_sub(num_bytes as u64);
        let too_many = || Failure::Lasting(failure("more bytes than were listed".to_owned()));
        self.left = left.ok_or_else(too_many)?;
        Ok((num_bytes > 0).then_some(&chunk[..num_bytes]))
    }
}

/// Whether a part of a file is the one from `start` on.
fn starts_at<T>(response: &Response<T>, start: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE);
    let range = range.and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {start}-")))
}

/// Where a file grows: hidden beside its name, and another one for other content.
fn partial_path(path: &Path, file: &HubFile) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let oid = file.oid.chars().filter(char::is_ascii_hexdigit).take(16);
    path.with_file_name(format!(".{name}.{}.partial", oid.collect::<String>()))
}

/// Makes sure that the partial file is there, and gives its length, which is at most `size`.
fn prepare(partial: &Path, size: u64) -> Result<u64, DataError> {
    let open = || -> io::Result<u64> {
        if let Some(folder) = partial.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(partial)?;
        let length = file.metadata()?.len();
        if length > size {
            file.set_len(0)?;
            return Ok(0);
        }
        Ok(length)
    };
    open().map_err(|source| DataError::Write {
        path: partial.to_owned(),
        source,
    })
}
