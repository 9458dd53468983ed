//! The thread that reads files and cuts their documents into shards.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;

use crate::DataError;
use crate::error::panic_message;
use crate::source::bad_records;
use crate::source::{Document, TextFile};

/// How many documents, and about how many bytes of text, are tokenised at a time.
const CHUNK_DOCUMENTS: usize = 4096;
const CHUNK_TEXT_BYTES: u64 = 4 << 20;

/// What the reader says.
pub(super) enum Message {
    Chunk(Chunk),
    Failed(DataError),
    Finished { num_shards: usize },
}

/// Documents of one file that belong to one shard.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) shard: usize,
    pub(super) path: PathBuf,
    pub(super) documents: Vec<Document>,
    pub(super) text_bytes: u64,
    pub(super) bad: Vec<DataError>,
    /// Of all files, those before this one included.
    pub(super) bytes_read: u64,
    pub(super) ends_shard: bool,
    pub(super) is_wanted: bool,
}

/// What is read, and who takes it.
pub(super) struct ReaderSettings {
    /// Each with its size.
    pub(super) files: Vec<(TextFile, u64)>,
    /// Says which file is being read.
    pub(super) current: Arc<AtomicUsize>,
    /// Whether the documents of a shard are wanted.
    pub(super) is_wanted: Box<dyn Fn(usize) -> bool + Send>,
    pub(super) sender: SyncSender<Message>,
    /// Bytes of text after which a shard ends.
    pub(super) shard_text_bytes: u64,
}

/// The thread that reads.
pub(super) struct Reader {
    settings: ReaderSettings,
    shard: usize,
    shard_text_bytes: u64,
    shard_is_empty: bool,
}

/// Why a reader stops early.
enum Stop {
    Failed(DataError),
    /// Nobody takes chunks any more.
    Abandoned,
}

impl From<DataError> for Stop {
    fn from(error: DataError) -> Self {
        Self::Failed(error)
    }
}

impl Reader {
    pub(super) fn new(settings: ReaderSettings) -> Self {
        Self {
            settings,
            shard: 0,
            shard_text_bytes: 0,
            shard_is_empty: true,
        }
    }

    pub(super) fn run(mut self) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.read_all()));
        let message = match outcome {
            Ok(Ok(())) => Message::Finished {
                num_shards: self.shard,
            },
            Ok(Err(Stop::Abandoned)) => return,
            Ok(Err(Stop::Failed(error))) => Message::Failed(error),
            Err(payload) => Message::Failed(DataError::LoaderPanicked {
                message: panic_message(payload.as_ref()),
                place: place(
                    self.settings.files.iter().map(|(file, _)| file),
                    &self.settings.current,
                ),
            }),
        };
        // Without a taker there is nobody to tell.
        let _ = self.settings.sender.send(message);
    }

    fn read_all(&mut self) -> Result<(), Stop> {
        let mut bytes_before = 0;
        for index in 0..self.settings.files.len() {
            self.settings.current.store(index, Ordering::Relaxed);
            let (file, size) = self.settings.files[index].clone();
            self.read_file(&file, bytes_before)?;
            bytes_before += size;
        }
        if self.shard_is_empty {
            return Ok(());
        }
        let last = Chunk {
            bytes_read: bytes_before,
            ..self.next_chunk(Path::new(""))
        };
        self.send(last, true)
    }

    fn read_file(&mut self, file: &TextFile, bytes_before: u64) -> Result<(), Stop> {
        let mut documents = file.read()?;
        loop {
            let mut chunk = self.next_chunk(&file.path);
            let room = self.settings.shard_text_bytes - self.shard_text_bytes;
            let mut has_ended = false;
            while chunk.documents.len() < CHUNK_DOCUMENTS
                && chunk.text_bytes < CHUNK_TEXT_BYTES.min(room)
            {
                match documents.next() {
                    Some(Ok(document)) => {
                        chunk.text_bytes += document.text.len() as u64;
                        chunk.documents.push(document);
                    }
                    Some(Err(error)) if bad_records::is_of_one_record(&error) => {
                        chunk.bad.push(error)
                    }
                    Some(Err(error)) => return Err(error.into()),
                    None => {
                        has_ended = true;
                        break;
                    }
                }
            }
            chunk.bytes_read = bytes_before + documents.bytes_read();
            let fills_shard = chunk.text_bytes >= room;
            self.send(chunk, fills_shard)?;
            if has_ended {
                return Ok(());
            }
        }
    }

    fn next_chunk(&self, path: &Path) -> Chunk {
        Chunk {
            shard: self.shard,
            path: path.to_owned(),
            is_wanted: (self.settings.is_wanted)(self.shard),
            ..Chunk::default()
        }
    }

    fn send(&mut self, mut chunk: Chunk, ends_shard: bool) -> Result<(), Stop> {
        chunk.ends_shard = ends_shard;
        self.shard_text_bytes += chunk.text_bytes;
        self.shard_is_empty &= chunk.documents.is_empty() && chunk.bad.is_empty();
        if ends_shard {
            self.shard += 1;
            self.shard_text_bytes = 0;
            self.shard_is_empty = true;
        }
        if !chunk.is_wanted {
            chunk.documents = Vec::new();
        }
        self.settings
            .sender
            .send(Message::Chunk(chunk))
            .map_err(|_| Stop::Abandoned)
    }
}

/// The file that is being read.
pub(super) fn place<'a>(
    mut files: impl Iterator<Item = &'a TextFile>,
    current: &AtomicUsize,
) -> String {
    let file = files.nth(current.load(Ordering::Relaxed));
    file.map_or_else(String::new, |file| file.path.display().to_string())
}
