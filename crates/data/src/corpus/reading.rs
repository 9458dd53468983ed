//! Tokenised documents on their way into memory.

use std::io::Cursor;
use std::path::PathBuf;

use crate::DataError;
use crate::store::shard::{IdType, Shard, ShardWriter};
use crate::tokenized::{Counts, Sink};

/// Shards on their way into memory.
pub(super) struct Reading {
    id_type: IdType,
    /// Of the shard at hand.
    writer: Option<ShardWriter<Cursor<Vec<u8>>>>,
    pub(super) shards: Vec<Shard>,
    pub(super) skipped: u64,
}

impl Reading {
    /// Of ids of one type.
    pub(super) fn new(id_type: IdType) -> Self {
        Self {
            id_type,
            writer: None,
            shards: Vec::new(),
            skipped: 0,
        }
    }
}

impl Sink for Reading {
    fn push(&mut self, _shard: usize, ids: &[u32]) -> Result<(), DataError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => (self.writer).insert(ShardWriter::in_memory(self.id_type)),
        };
        writer.push(ids).map_err(in_memory)
    }

    fn end(&mut self, _shard: usize, counts: Counts) -> Result<(), DataError> {
        self.skipped += counts.num_bad;
        if let Some(writer) = self.writer.take() {
            self.shards.push(Shard::written(writer).map_err(in_memory)?);
        }
        Ok(())
    }
}

/// An id that the tokenizer's own vocabulary does not have.
fn in_memory(source: std::io::Error) -> DataError {
    DataError::Write {
        path: PathBuf::from("memory"),
        source,
    }
}
