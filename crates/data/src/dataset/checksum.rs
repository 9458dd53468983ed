//! SHA-256 of files.

use crate::DataError;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

/// SHA-256 of a file in hexadecimal.
pub(super) fn sha256(path: &Path) -> Result<String, DataError> {
    let hash = || -> io::Result<String> {
        let mut hasher = Sha256::new();
        let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
        loop {
            let bytes = file.fill_buf()?;
            let num_bytes = bytes.len();
            if num_bytes == 0 {
                return Ok(format!("{:x}", hasher.finalize()));
            }
            hasher.update(bytes);
            file.consume(num_bytes);
        }
    };
    hash().map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })
}

/// That a file has this SHA-256.
pub(super) fn check(path: &Path, expected: &str) -> Result<(), DataError> {
    compare(path, expected, &sha256(path)?)
}

/// That the SHA-256 found for a file is the one expected.
pub(super) fn compare(path: &Path, expected: &str, found: &str) -> Result<(), DataError> {
    if found == expected {
        return Ok(());
    }
    Err(DataError::WrongChecksum {
        path: path.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}

/// Whether this is a SHA-256 as files here spell it.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
