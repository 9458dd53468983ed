//! Files of text as token ids: read on one thread, tokenised on all cores.
//!
//! The documents of all files, one behind the other, are cut into shards by the text that they have; so where a shard
//! starts does not depend on the tokenizer, nor on who makes the others.

mod reader;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;

use crate::DataError;
use crate::source::TextFile;
use crate::source::bad_records::{self, BadRecords};
use crate::tokenizer::Tokenizer;
use reader::{Chunk, Message, Reader, ReaderSettings, place};

/// Chunks that are read ahead.
const CHUNKS_AHEAD: usize = 2;

/// How far the files have been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the files (as they lie on disk, compressed or not) that have been read.
    pub bytes_read: u64,
    /// Bytes of all files.
    pub bytes_total: u64,
    /// Tokens so far.
    pub tokens: u64,
}

impl Progress {
    /// The part of the files that has been read, 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.bytes_read as f64 / self.bytes_total.max(1) as f64
    }
}

/// Takes shards in.
pub(crate) trait Sink {
    /// The next document of the shard at hand; it may have no ids.
    fn push(&mut self, shard: usize, ids: &[u32]) -> Result<(), DataError>;

    /// The shard at hand is whole.
    fn end(&mut self, shard: usize, counts: Counts) -> Result<(), DataError>;
}

/// How many documents were read, and how many of them cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Documents read, those without text not counted.
    pub num_documents: u64,
    /// Documents that cannot be used.
    pub num_bad: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.num_documents += other.num_documents;
        self.num_bad += other.num_bad;
    }
}

impl Counts {
    /// Whether more than 10 documents, and more than a share of all, cannot be used.
    pub(crate) fn are_too_bad(self, max_bad_fraction: f64) -> bool {
        bad_records::are_too_many(self.num_bad, self.num_documents, max_bad_fraction)
    }
}

/// The files of a corpus, and how they are tokenised.
pub(crate) struct Files<'a> {
    pub(crate) files: &'a [TextFile],
    pub(crate) tokenizer: &'a Tokenizer,
    /// Share of the documents that may be unusable.
    pub(crate) max_bad_fraction: f64,
    /// How long to wait for a file before giving up on it.
    pub(crate) patience: Duration,
    /// Bytes of text after which a shard ends.
    pub(crate) shard_text_bytes: u64,
}

impl Files<'_> {
    /// Gives every shard that `is_wanted` names to `sink`; returns how many shards there are.
    ///
    /// # Errors
    /// [`DataError::TooManyBadDocuments`] as soon as a shard ends and too many of those tokenised cannot be used; what
    /// keeps a file from being read, [`DataError::LoaderStalled`] for one that hangs; what the sink says.
    pub(crate) fn tokenize(
        &self,
        is_wanted: impl Fn(usize) -> bool + Send + 'static,
        sink: &mut impl Sink,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<usize, DataError> {
        let sizes = sizes(self.files)?;
        let mut tokenizing = Tokenizing {
            files: self,
            shard: Counts::default(),
            total: Counts::default(),
            bad: BadRecords::new(self.max_bad_fraction),
            progress: Progress {
                bytes_total: sizes.iter().sum(),
                ..Progress::default()
            },
        };
        let (chunks, current) = self.start_reader(sizes, Box::new(is_wanted))?;
        loop {
            match chunks.recv_timeout(self.patience) {
                Ok(Message::Chunk(chunk)) => {
                    tokenizing.take(chunk, sink)?;
                    progress(tokenizing.progress);
                }
                Ok(Message::Failed(error)) => return Err(error),
                Ok(Message::Finished { num_shards }) => {
                    tokenizing.finish()?;
                    return Ok(num_shards);
                }
                // The reader goes away only behind one of the last two.
                Err(_) => {
                    return Err(DataError::LoaderStalled {
                        seconds: self.patience.as_secs_f64(),
                        place: place(self.files.iter(), &current),
                    });
                }
            }
        }
    }

    /// Gives what it reads, and which file that is.
    fn start_reader(
        &self,
        sizes: Vec<u64>,
        is_wanted: Box<dyn Fn(usize) -> bool + Send>,
    ) -> Result<(Receiver<Message>, Arc<AtomicUsize>), DataError> {
        let current = Arc::new(AtomicUsize::new(0));
        let (sender, chunks) = sync_channel(CHUNKS_AHEAD);
        let reader = Reader::new(ReaderSettings {
            files: self.files.iter().cloned().zip(sizes).collect(),
            current: Arc::clone(&current),
            is_wanted,
            sender,
            shard_text_bytes: self.shard_text_bytes,
        });
        thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || reader.run())
            .map_err(|source| DataError::Thread { source })?;
        Ok((chunks, current))
    }
}

/// Bytes of each file.
pub(crate) fn sizes(files: &[TextFile]) -> Result<Vec<u64>, DataError> {
    let size = |file: &TextFile| match fs::metadata(&file.path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(source) => Err(DataError::Read {
            path: file.path.clone(),
            source,
        }),
    };
    files.iter().map(size).collect()
}

/// What has come in so far.
struct Tokenizing<'a> {
    files: &'a Files<'a>,
    shard: Counts,
    total: Counts,
    bad: BadRecords,
    progress: Progress,
}

impl Tokenizing<'_> {
    fn take(&mut self, chunk: Chunk, sink: &mut impl Sink) -> Result<(), DataError> {
        self.progress.bytes_read = chunk.bytes_read;
        if !chunk.is_wanted {
            return Ok(());
        }
        chunk.bad.into_iter().for_each(|error| self.skip(error));
        let tokenizer = self.files.tokenizer;
        let encoded: Vec<Result<Vec<u32>, DataError>> = (chunk.documents)
            .par_iter()
            .map(|document| tokenizer.encode_ordinary(&document.text))
            .collect();
        for (document, ids) in chunk.documents.iter().zip(encoded) {
            match ids {
                Ok(ids) => {
                    self.shard.num_documents += u64::from(!ids.is_empty());
                    self.progress.tokens += ids.len() as u64;
                    sink.push(chunk.shard, &ids)?;
                }
                Err(source) => self.skip(DataError::Document {
                    path: chunk.path.clone(),
                    line: document.line,
                    source: Box::new(source),
                }),
            }
        }
        if chunk.ends_shard {
            let counts = std::mem::take(&mut self.shard);
            self.total += counts;
            self.bad
                .check(self.total.num_documents - self.total.num_bad)?;
            sink.end(chunk.shard, counts)?;
        }
        Ok(())
    }

    fn skip(&mut self, error: DataError) {
        self.shard.num_documents += 1;
        self.shard.num_bad += 1;
        self.bad.skip(error);
    }

    fn finish(self) -> Result<(), DataError> {
        let num_good = self.total.num_documents - self.total.num_bad;
        self.bad.finish(num_good).map(|_| ())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
