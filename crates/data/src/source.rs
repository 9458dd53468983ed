//! Documents and pairs out of files: JSON Lines, CSV, TSV and Parquet (a field of each record) and plain text (blocks
//! between blank lines, or whole files), as they are or compressed by gzip or zstd. Files are streamed: no more is held
//! than the record at hand, of Parquet a page of each wanted column and about a MiB of rows. [`labelled`] reads records
//! with what a model should say of them.

pub(crate) mod bad_records;
mod compression;
mod delimited;
mod files;
mod json;
pub mod labelled;
mod lines;
mod pairs;
#[cfg(feature = "parquet")]
mod parquet;
mod records;

pub use bad_records::BadRecords;
pub use files::expand;
pub use lines::TextLines;
pub use pairs::{PairFields, Pairs, TextPair, pairs};
pub use records::{Record, Records, read_records};

use crate::DataError;
use compression::Input;
use lines::{LINE_BYTES, Line, Lines};
use records::{Nested, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Bytes of plain text after which a block without a blank line is given out at the next line break, so that a file
/// of one sentence a line does not become one document.
const BLOCK_BYTES: usize = 1 << 20;

/// What a document is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadSettings {
    /// The field of a record that holds the text.
    pub text_field: String,
    /// What a document of plain text is.
    pub plain_text: PlainText,
}

/// What a document of plain text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlainText {
    /// The lines between blank ones, in parts of about a MiB where they are more.
    Blocks,
    /// A whole file, of at most 64 MiB.
    Files,
}

impl Default for ReadSettings {
    fn default() -> Self {
        Self {
            text_field: "text".to_owned(),
            plain_text: PlainText::Blocks,
        }
    }
}

/// A file of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// The file.
    pub path: PathBuf,
    /// What a document is.
    pub settings: ReadSettings,
}

impl From<PathBuf> for TextFile {
    fn from(path: PathBuf) -> Self {
        Self {
            path,
            settings: ReadSettings::default(),
        }
    }
}

impl TextFile {
    /// Opens it. See [`read_with`].
    ///
    /// # Errors
    /// As [`read_with`].
    pub fn read(&self) -> Result<Documents, DataError> {
        read_with(&self.path, &self.settings)
    }
}

/// One document of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What is written there.
    pub text: String,
    /// Line it starts at, counted from one in the decompressed file; of a Parquet file its row.
    pub line: u64,
}

/// The documents of one file, in order. After an error about one record the next item goes on behind it; after an
/// error about the file there is none.
pub struct Documents {
    path: PathBuf,
    text_field: String,
    source: Source,
    /// A plain-text error that waits for the block before it.
    pending: Option<DataError>,
}

enum Source {
    Records(Records),
    Blocks(Lines),
    File(Lines),
}

/// Opens a file of documents with the default settings. See [`read_with`].
///
/// # Errors
/// As [`read_with`].
pub fn read(path: &Path) -> Result<Documents, DataError> {
    read_with(path, &ReadSettings::default())
}

/// Opens a file of documents. The name tells the format: `.jsonl`, `.ndjson` and `.json` are JSON Lines, `.csv`, `.tsv`
/// and `.parquet` are what they say ([`read_records`] tells more), anything else is plain text; `.gz`, `.zst` and `.zstd`
/// behind that are decompressed. Records whose text is blank are left out, as blank lines are.
///
/// # Errors
/// [`DataError::Read`] if the file cannot be opened, [`DataError::MissingColumn`] for CSV, TSV and Parquet without the
/// text's column, [`DataError::UnreadableColumn`] if that holds no strings, [`DataError::MissingFeature`] for Parquet in
/// a build without it.
/// The iterator's items may be [`DataError::InvalidUtf8`], [`DataError::InvalidJson`], [`DataError::MissingText`],
/// [`DataError::HoldsNul`], [`DataError::WrongFieldCount`] and [`DataError::TooLong`] for one record, and
/// [`DataError::Read`] and [`DataError::Damaged`] for the rest of the file.
pub fn read_with(path: &Path, settings: &ReadSettings) -> Result<Documents, DataError> {
    let input = Input::open(path)?;
    let source = match (input.inner_extension.as_deref(), settings.plain_text) {
        (Some("jsonl" | "ndjson" | "json" | "csv" | "tsv" | "parquet"), _) => {
            let wanted = Wanted {
                fields: &[&settings.text_field],
                nested: Nested::Left,
            };
            Source::Records(Records::open(path, input, wanted)?)
        }
        (_, PlainText::Blocks) => Source::Blocks(Lines::new(path, input)),
        (_, PlainText::Files) => Source::File(Lines::new(path, input)),
    };
    if let Source::Records(records) = &source {
        records.check_columns(path, &[&settings.text_field])?;
    }
    Ok(Documents {
        path: path.to_owned(),
        text_field: settings.text_field.clone(),
        source,
        pending: None,
    })
}

impl Documents {
    /// Bytes read from the file so far, compressed ones where it is compressed.
    pub fn bytes_read(&self) -> u64 {
        match &self.source {
            Source::Records(records) => records.bytes_read(),
            Source::Blocks(lines) | Source::File(lines) => lines.bytes_read(),
        }
    }

    fn document(&self, record: Record) -> Result<Document, DataError> {
        let line = record.line;
        match record.values.into_iter().next() {
            Some(Value::String(text)) if text.contains('\0') => Err(holds_nul(&self.path, line)),
            Some(Value::String(text)) => Ok(Document { text, line }),
            _ => Err(DataError::MissingText {
                path: self.path.clone(),
                line,
                field: self.text_field.clone(),
            }),
        }
    }
}

impl Iterator for Documents {
    type Item = Result<Document, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.source {
            Source::Records(records) => {
                let record = records.find(|record| !is_blank(record))?;
                Some(record.and_then(|record| self.document(record)))
            }
            Source::Blocks(lines) => next_block(lines, &mut self.pending),
            Source::File(lines) => whole_file(lines, &self.path),
        }
    }
}

/// Whether a record has no more text than a blank line.
fn is_blank(record: &Result<Record, DataError>) -> bool {
    let text = record
        .as_ref()
        .ok()
        .and_then(|record| record.values.first()?.as_str());
    text.is_some_and(|text| text.trim().is_empty())
}

/// The next lines without a blank one; an error behind them is left in `pending`.
fn next_block(
    lines: &mut Lines,
    pending: &mut Option<DataError>,
) -> Option<Result<Document, DataError>> {
    if let Some(error) = pending.take() {
        return Some(Err(error));
    }
    let mut block = Document::empty();
    while block.text.len() < BLOCK_BYTES {
        match lines.next_line() {
            Some(Ok(line)) if !line.text.trim().is_empty() => block.push(&line),
            Some(Ok(_)) if block.text.is_empty() => {}
            Some(Ok(_)) | None => break,
            Some(Err(error)) if block.text.is_empty() => return Some(Err(error)),
            Some(Err(error)) => {
                *pending = Some(error);
                break;
            }
        }
    }
    (!block.text.is_empty()).then_some(Ok(block))
}

/// The one document of a file, none if it is blank; its first error if it has one.
fn whole_file(lines: &mut Lines, path: &Path) -> Option<Result<Document, DataError>> {
    let mut document = Document::empty();
    while let Some(line) = lines.next_line() {
        match line {
            Ok(line) if document.text.len() + line.text.len() <= LINE_BYTES => document.push(&line),
            Ok(line) => {
                let error = DataError::TooLong {
                    path: path.to_owned(),
                    line: line.number,
                    limit: LINE_BYTES,
                };
                lines.finish();
                return Some(Err(error));
            }
            Err(error) => {
                lines.finish();
                return Some(Err(error));
            }
        }
    }
    let text = document.text.trim_matches('\n');
    (!text.trim().is_empty()).then(|| {
        Ok(Document {
            text: text.to_owned(),
            line: document.line,
        })
    })
}

/// A file that is no text, or text in UTF-16.
fn holds_nul(path: &Path, line: u64) -> DataError {
    DataError::HoldsNul {
        path: path.to_owned(),
        line,
    }
}

impl Document {
    fn empty() -> Self {
        Self {
            text: String::new(),
            line: 0,
        }
    }

    fn push(&mut self, line: &Line<'_>) {
        if self.text.is_empty() {
            self.line = line.number;
        } else {
            self.text.push('\n');
        }
        self.text.push_str(line.text);
    }
}
