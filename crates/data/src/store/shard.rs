//! A shard: token ids of many documents in one file, or in memory in the same layout.
//!
//! All numbers are little-endian. A header of [`HEADER_BYTES`] is followed by the ids of all documents one after the
//! other, zeros up to a multiple of 8 bytes, and per document the number of ids up to its end.

mod header;
mod writer;

use std::fs::File;
use std::io::{self, Cursor};
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

pub use header::{HEADER_BYTES, IdType, ShardFacts};
pub use writer::ShardWriter;

use crate::DataError;

/// A shard to read.
#[derive(Debug)]
pub struct Shard {
    bytes: Bytes,
    facts: ShardFacts,
    /// Where the ends of the documents start.
    ends: usize,
}

#[derive(Debug)]
enum Bytes {
    Mapped(Mmap, PathBuf),
    InMemory(Vec<u8>),
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map, _) => map,
            Self::InMemory(bytes) => bytes,
        }
    }
}

impl Shard {
    /// Maps a file. Its header and its length are checked; [`Self::verify`] reads the rest.
    ///
    /// # Errors
    /// [`DataError::Read`], and [`DataError::InvalidStore`] for a file that is cut off or no shard.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let reading = |source| DataError::Read {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(reading)?;
        // SAFETY: the file is written once under another name and never changed under this one; a program that
        // shortens it all the same ends this process, which no reader of mapped files can prevent.
        let map = unsafe { Mmap::map(&file) }.map_err(reading)?;
        Self::over(Bytes::Mapped(map, path.to_owned())).map_err(|reason| DataError::InvalidStore {
            path: path.to_owned(),
            reason,
        })
    }

    /// Documents in memory; empty ones are left out.
    pub fn in_memory<D: AsRef<[u32]>>(documents: &[D]) -> Self {
        let highest = documents.iter().flat_map(AsRef::as_ref).max();
        let id_type = IdType::for_vocabulary(highest.map_or(0, |&id| id as usize + 1));
        let mut writer = ShardWriter::in_memory(id_type);
        let pushed = documents.iter().try_for_each(|d| writer.push(d.as_ref()));
        match pushed.and_then(|()| Self::written(writer)) {
            Ok(shard) => shard,
            Err(error) => unreachable!("memory takes every id of its type: {error}"),
        }
    }

    /// What was written into memory.
    pub(crate) fn written(writer: ShardWriter<Cursor<Vec<u8>>>) -> io::Result<Self> {
        let (target, facts) = writer.finish()?;
        let bytes = target.into_inner();
        let ends = bytes.len() - facts.num_documents as usize * 8;
        Ok(Self {
            bytes: Bytes::InMemory(bytes),
            facts,
            ends,
        })
    }

    fn over(bytes: Bytes) -> Result<Self, String> {
        let facts = ShardFacts::parse(bytes.as_slice())?;
        let length = bytes.as_slice().len() as u64;
        let Some((ends, expected)) = facts.layout() else {
            return Err("its header is damaged".to_owned());
        };
        if length != expected {
            return Err(format!(
                "{length} bytes long, and its header says {expected}: cut off or damaged"
            ));
        }
        let shard = Self {
            bytes,
            facts,
            ends: ends as usize,
        };
        let last = shard.facts.num_documents.checked_sub(1);
        if last.map_or(0, |last| shard.stored_end(last)) != shard.facts.num_tokens {
            return Err("the last document does not end where the ids do".to_owned());
        }
        Ok(shard)
    }

    /// What the header says.
    pub fn facts(&self) -> &ShardFacts {
        &self.facts
    }

    /// The file, or none for one in memory.
    pub fn path(&self) -> Option<&Path> {
        match &self.bytes {
            Bytes::Mapped(_, path) => Some(path),
            Bytes::InMemory(_) => None,
        }
    }

    /// Whether all bytes are those that were written.
    pub fn verify(&self) -> bool {
        crc32c::crc32c(&self.bytes.as_slice()[HEADER_BYTES..]) == self.facts.checksum
    }

    /// Ids up to the end of a document; at most all ids, whatever a damaged file says.
    ///
    /// # Panics
    /// There is no such document.
    pub fn end(&self, document: u64) -> u64 {
        self.stored_end(document).min(self.facts.num_tokens)
    }

    fn stored_end(&self, document: u64) -> u64 {
        let at = self.ends + document as usize * 8;
        let bytes = &self.bytes.as_slice()[at..at + 8];
        bytes
            .iter()
            .rev()
            .fold(0, |end, &byte| end << 8 | u64::from(byte))
    }

    /// Appends the ids of `range` to `ids`.
    ///
    /// # Panics
    /// The range goes past the last id.
    pub fn extend(&self, range: Range<u64>, ids: &mut Vec<u32>) {
        let width = self.facts.id_type.num_bytes();
        let at = |index: u64| HEADER_BYTES + index as usize * width;
        assert!(range.end <= self.facts.num_tokens);
        let bytes = &self.bytes.as_slice()[at(range.start)..at(range.end)];
        match self.facts.id_type {
            IdType::U16 => {
                let (pairs, _) = bytes.as_chunks::<2>();
                ids.extend(
                    pairs
                        .iter()
                        .map(|&pair| u32::from(u16::from_le_bytes(pair))),
                );
            }
            IdType::U32 => {
                let (words, _) = bytes.as_chunks::<4>();
                ids.extend(words.iter().map(|&word| u32::from_le_bytes(word)));
            }
        }
    }
}
