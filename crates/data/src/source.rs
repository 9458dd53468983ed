//! Documents out of files: JSON Lines (field `text`) and plain text (blocks between blank lines), as they are or
//! compressed by gzip or zstd. Files are streamed; nothing but the document at hand is held.

mod compression;
mod files;
mod lines;
mod pairs;

pub use files::expand;
pub use pairs::{TextPair, read_pairs};

use crate::DataError;
use compression::Input;
use lines::{Line, Lines};
use serde::{Deserialize, de::IgnoredAny};
use std::path::{Path, PathBuf};

/// Bytes of plain text after which a block without a blank line is given out at the next line break, so that a file
/// of one sentence a line does not become one document.
const BLOCK_BYTES: usize = 1 << 20;

/// One document of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What is written there.
    pub text: String,
    /// Line it starts at, counted from one in the decompressed file.
    pub line: u64,
}

/// The documents of one file, in order. After an error about one line the next item goes on behind that line; after
/// an error about the file there is none.
pub struct Documents {
    path: PathBuf,
    format: Format,
    lines: Lines,
    /// A plain-text error that waits for the block before it.
    pending: Option<DataError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    JsonLines,
    Plain,
}

#[derive(Deserialize)]
struct Record {
    text: String,
}

/// Opens a file of documents. The name tells the format: `.jsonl`, `.ndjson` and `.json` are JSON Lines, anything
/// else is plain text; `.gz`, `.zst` and `.zstd` behind that are decompressed.
///
/// # Errors
/// [`DataError::Read`] if the file cannot be opened. The iterator's items may be [`DataError::InvalidUtf8`],
/// [`DataError::InvalidJson`], [`DataError::MissingText`] and [`DataError::TooLong`] for one line, and
/// [`DataError::Read`] and [`DataError::Damaged`] for the rest of the file.
pub fn read(path: &Path) -> Result<Documents, DataError> {
    let input = Input::open(path)?;
    let format = match input.inner_extension.as_deref() {
        Some("jsonl" | "ndjson" | "json") => Format::JsonLines,
        _ => Format::Plain,
    };
    Ok(Documents {
        path: path.to_owned(),
        format,
        lines: Lines::new(path, input),
        pending: None,
    })
}

impl Documents {
    /// Bytes read from the file so far, compressed ones where it is compressed.
    pub fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    fn next_record(&mut self) -> Option<Result<Document, DataError>> {
        loop {
            let Line { text, number } = match self.lines.next_line()? {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            if text.trim().is_empty() {
                continue;
            }
            return Some(match parse(text) {
                Ok(Some(text)) => Ok(Document { text, line: number }),
                Ok(None) => Err(DataError::MissingText {
                    path: self.path.clone(),
                    line: number,
                }),
                Err(source) => Err(DataError::InvalidJson {
                    path: self.path.clone(),
                    line: number,
                    source,
                }),
            });
        }
    }

    fn next_block(&mut self) -> Option<Result<Document, DataError>> {
        if let Some(error) = self.pending.take() {
            return Some(Err(error));
        }
        let mut block = Document {
            text: String::new(),
            line: 0,
        };
        while block.text.len() < BLOCK_BYTES {
            match self.lines.next_line() {
                Some(Ok(line)) if !line.text.trim().is_empty() => block.push(line),
                Some(Ok(_)) if block.text.is_empty() => {}
                Some(Ok(_)) | None => break,
                Some(Err(error)) if block.text.is_empty() => return Some(Err(error)),
                Some(Err(error)) => {
                    self.pending = Some(error);
                    break;
                }
            }
        }
        (!block.text.is_empty()).then_some(Ok(block))
    }
}

/// The field `text`, or none if this is JSON without one.
fn parse(line: &str) -> serde_json::Result<Option<String>> {
    // A struct may also be read from an array, which is no record here.
    if !line.trim_start().starts_with('{') {
        return serde_json::from_str(line).map(|_: IgnoredAny| None);
    }
    match serde_json::from_str(line) {
        Ok(Record { text }) => Ok(Some(text)),
        Err(error) if error.is_data() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Document {
    fn push(&mut self, line: Line<'_>) {
        if self.text.is_empty() {
            self.line = line.number;
        } else {
            self.text.push('\n');
        }
        self.text.push_str(line.text);
    }
}

impl Iterator for Documents {
    type Item = Result<Document, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.format {
            Format::JsonLines => self.next_record(),
            Format::Plain => self.next_block(),
        }
    }
}
