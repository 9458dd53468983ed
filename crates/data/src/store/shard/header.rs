//! What the header of a shard says.

use serde::{Deserialize, Serialize};

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

    pub(super) fn num_bytes(self) -> usize {
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
    pub(super) fn header(&self) -> [u8; HEADER_BYTES] {
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

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
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
    pub(super) fn layout(&self) -> Option<(u64, u64)> {
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
