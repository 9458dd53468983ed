//! A shard: token ids of many documents in one file, or in memory in the same layout.
//!
//! All numbers are little-endian. A header of [`HEADER_BYTES`] is followed by the ids of all documents one after the
//! other, zeros up to a multiple of 8 bytes, and per document the number of ids up to its end.

use std::fs::File;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use crate::DataError;

const MAGIC: &[u8; 8] = b"LAMPTOK\n";
const FORMAT: u32 = 1;
/// Bytes before the first id.
pub const HEADER_BYTES: usize = 64;

/// Bytes of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdType {
    /// For vocabularies of up to 65,536 ids.
    U16,
    /// For larger ones.
    U32,
}

impl IdType {
    /// The smallest that holds every id of a vocabulary.
    pub fn for_vocabulary(vocab_size: usize) -> Self {
        match vocab_size <= 1 << 16 {
            true => Self::U16,
            false => Self::U32,
        }
    }

    fn num_bytes(self) -> usize {
        match self {
            Self::U16 => 2,
            Self::U32 => 4,
        }
    }
}

/// What the header of a shard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardFacts {
    /// Type of an id.
    pub id_type: IdType,
    /// Ids of all documents.
    pub num_tokens: u64,
    /// Documents, none of them empty.
    pub num_documents: u64,
    /// The highest id that occurs.
    pub highest_id: u32,
    /// CRC-32C of all bytes behind the header.
    pub checksum: u32,
}

impl ShardFacts {
    fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        header[12..16].copy_from_slice(&(self.id_type.num_bytes() as u32).to_le_bytes());
        header[16..24].copy_from_slice(&self.num_tokens.to_le_bytes());
        header[24..32].copy_from_slice(&self.num_documents.to_le_bytes());
        header[32..36].copy_from_slice(&self.highest_id.to_le_bytes());
        header[36..40].copy_from_slice(&self.checksum.to_le_bytes());
        header
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let header = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or("shorter than its header")?;
        if &header[..8] != MAGIC {
            return Err("not a shard of token ids".to_owned());
        }
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        if word(8) != FORMAT {
            return Err(format!(
                "written in format {}, and this version reads format {FORMAT}",
                word(8)
            ));
        }
        let id_type = match word(12) {
            2 => IdType::U16,
            4 => IdType::U32,
            other => return Err(format!("ids of {other} bytes")),
        };
        Ok(Self {
            id_type,
            num_tokens: long(16),
            num_documents: long(24),
            highest_id: word(32),
            checksum: word(36),
        })
    }

    /// Where the ends of the documents start, and where the shard ends; none if no file is so long.
    fn layout(&self) -> Option<(u64, u64)> {
        let ids = self
            .num_tokens
            .checked_mul(self.id_type.num_bytes() as u64)?;
        let ends = ids
            .checked_add(HEADER_BYTES as u64)?
            .checked_next_multiple_of(8)?;
        let length = self.num_documents.checked_mul(8)?.checked_add(ends)?;
        Some((ends, length))
    }
}

/// Writes a shard front to back.
pub struct ShardWriter<W> {
    target: W,
    facts: ShardFacts,
    ends: Vec<u64>,
    bytes: Vec<u8>,
}

impl ShardWriter<Cursor<Vec<u8>>> {
    /// Into memory.
    pub(crate) fn in_memory(id_type: IdType) -> Self {
        let mut target = Cursor::new(vec![0; HEADER_BYTES]);
        target.set_position(HEADER_BYTES as u64);
        Self::behind_header(target, id_type)
    }
}

impl<W: Write + Seek> ShardWriter<W> {
    /// Leaves room for the header.
    ///
    /// # Errors
    /// `target` cannot be written.
    pub fn new(mut target: W, id_type: IdType) -> io::Result<Self> {
        target.write_all(&[0; HEADER_BYTES])?;
        Ok(Self::behind_header(target, id_type))
    }

    fn behind_header(target: W, id_type: IdType) -> Self {
        Self {
            target,
            facts: ShardFacts {
                id_type,
                num_tokens: 0,
                num_documents: 0,
                highest_id: 0,
                checksum: 0,
            },
            ends: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Appends a document; an empty one is left out.
    ///
    /// # Errors
    /// The target cannot be written, or an id does not fit the type.
    pub fn push(&mut self, document: &[u32]) -> io::Result<()> {
        let Some(&highest) = document.iter().max() else {
            return Ok(());
        };
        self.bytes.clear();
        match self.facts.id_type {
            IdType::U16 if highest > u32::from(u16::MAX) => {
                return Err(io::Error::other(format!("id {highest} in 16 bits")));
            }
            IdType::U16 => {
                (self.bytes).extend(document.iter().flat_map(|&id| (id as u16).to_le_bytes()));
            }
            IdType::U32 => (self.bytes).extend(document.iter().flat_map(|id| id.to_le_bytes())),
        }
        self.facts.highest_id = self.facts.highest_id.max(highest);
        self.facts.num_tokens += document.len() as u64;
        self.ends.push(self.facts.num_tokens);
        self.append()
    }

    /// Writes what stands behind the ids, and the header.
    ///
    /// # Errors
    /// The target cannot be written.
    pub fn finish(mut self) -> io::Result<(W, ShardFacts)> {
        let num_bytes = self.facts.num_tokens * self.facts.id_type.num_bytes() as u64;
        let padding = num_bytes.next_multiple_of(8) - num_bytes;
        self.bytes.clear();
        self.bytes.resize(padding as usize, 0);
        (self.bytes).extend(self.ends.iter().flat_map(|end| end.to_le_bytes()));
        self.facts.num_documents = self.ends.len() as u64;
        self.append()?;
        self.target.seek(SeekFrom::Start(0))?;
        self.target.write_all(&self.facts.header())?;
        self.target.flush()?;
        Ok((self.target, self.facts))
    }

    fn append(&mut self) -> io::Result<()> {
        self.facts.checksum = crc32c::crc32c_append(self.facts.checksum, &self.bytes);
        self.target.write_all(&self.bytes)
    }
}

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
