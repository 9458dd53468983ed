//! Shards on their way out.

use std::io::{self, Cursor, Seek, SeekFrom, Write};

use super::header::{HEADER_BYTES, IdType, ShardFacts};

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
