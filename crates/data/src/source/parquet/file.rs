//! The bytes of a Parquet file, wherever the decoder wants them.

use super::super::compression::Counted;
use ::parquet::{
    errors::{ParquetError, Result as ParquetResult},
    file::reader::{ChunkReader, Length},
};
use bytes::Bytes;
use std::{
    io::{self, BufReader, Read, Seek, SeekFrom},
    sync::{Arc, atomic::Ordering},
};

/// A file whose lengths are checked before memory is taken for them.
#[derive(Clone)]
pub(super) struct CheckedFile {
    file: Arc<Counted>,
    num_bytes: u64,
}

impl CheckedFile {
    pub(super) fn new(file: Counted) -> io::Result<Self> {
        Ok(Self {
            num_bytes: file.file.metadata()?.len(),
            file: Arc::new(file),
        })
    }

    pub(super) fn bytes_read(&self) -> u64 {
        // Page headers are read ahead of their pages, so that some bytes are read twice.
        let bytes_read = self.file.bytes_read.load(Ordering::Relaxed);
        bytes_read.min(self.num_bytes)
    }

    /// The file from `position` on. Clones of a file share one position, so that only the latest may be read.
    fn starting_at(&self, position: u64) -> io::Result<Counted> {
        let mut file = self.file.file.try_clone()?;
        file.seek(SeekFrom::Start(position))?;
        Ok(Counted {
            file,
            bytes_read: Arc::clone(&self.file.bytes_read),
        })
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.num_bytes
    }
}

impl ChunkReader for CheckedFile {
    type T = BufReader<Counted>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(self.starting_at(start)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let end = start.checked_add(length as u64);
        if end.is_none_or(|end| end > self.num_bytes) {
            let message = format!("{length} bytes at {start} reach past the end of the file");
            return Err(ParquetError::EOF(message));
        }
        let mut bytes = vec![0; length];
        self.starting_at(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}
