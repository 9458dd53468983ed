//! Lines of a stream, none of them longer than memory should hold.

use super::{Document, compression::Input, holds_nul};
use crate::DataError;
use std::{
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

/// The longest line accepted, in bytes.
pub(super) const LINE_BYTES: usize = 64 << 20;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A line without its line break, counted from one.
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    pub(super) number: u64,
}

pub(super) struct Lines {
    path: PathBuf,
    input: BufReader<Input>,
    buffer: Vec<u8>,
    number: u64,
    finished: bool,
}

/// How a line ended.
enum End {
    Break,
    File,
    TooLong,
}

/// The lines of a file or of standard input in order, each a document, blank ones too. After an error about one line the
/// next item goes on behind it; after an error about the file there is none.
pub struct TextLines {
    lines: Lines,
    inner_extension: Option<String>,
}

impl TextLines {
    /// Opens a file; `.gz`, `.zst` and `.zstd` are decompressed.
    ///
    /// # Errors
    /// [`DataError::Read`] if it cannot be opened. The iterator's items may be [`DataError::InvalidUtf8`],
    /// [`DataError::HoldsNul`] and [`DataError::TooLong`] for one line, and [`DataError::Read`] and
    /// [`DataError::Damaged`] for the rest of the file.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        Ok(Self::new(path, Input::open(path)?))
    }

    /// What the process is given on standard input; errors call it so.
    pub fn of_standard_input() -> Self {
        Self::new(Path::new("standard input"), Input::standard())
    }

    fn new(path: &Path, mut input: Input) -> Self {
        Self {
            inner_extension: input.inner_extension.take(),
            lines: Lines::new(path, input),
        }
    }

    /// What errors call the file.
    pub fn path(&self) -> &Path {
        &self.lines.path
    }

    /// The extension of the file's name, below that of the compression, in lower case: `jsonl`.
    pub fn extension(&self) -> Option<&str> {
        self.inner_extension.as_deref()
    }
}

impl Iterator for TextLines {
    type Item = Result<Document, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next_line()?;
        Some(line.map(|line| Document {
            text: line.text.to_owned(),
            line: line.number,
        }))
    }
}

impl Lines {
    pub(super) fn new(path: &Path, input: Input) -> Self {
        Self {
            path: path.to_owned(),
            input: BufReader::new(input),
            buffer: Vec::new(),
            number: 0,
            finished: false,
        }
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.input.get_ref().bytes_read()
    }

    /// Leaves the rest of the stream.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    pub(super) fn next_line(&mut self) -> Option<Result<Line<'_>, DataError>> {
        if self.finished {
            return None;
        }
        self.buffer.clear();
        let end = match self.fill() {
            Ok(end) => end,
            Err(source) => {
                self.finished = true;
                let error = self
                    .input
                    .get_ref()
                    .unreadable(&self.path, self.number, source);
                return Some(Err(error));
            }
        };
        self.number += 1;
        self.finished = matches!(end, End::File);
        match end {
            End::File if self.buffer.is_empty() => None,
            End::TooLong => Some(Err(DataError::TooLong {
                path: self.path.clone(),
                line: self.number,
                limit: LINE_BYTES,
            })),
            End::File | End::Break => Some(self.line()),
        }
    }

    fn line(&self) -> Result<Line<'_>, DataError> {
        let text = std::str::from_utf8(&self.buffer).map_err(|_| DataError::InvalidUtf8 {
            path: self.path.clone(),
            line: self.number,
        })?;
        if text.contains('\0') {
            return Err(holds_nul(&self.path, self.number));
        }
        let text = text.strip_suffix('\r').unwrap_or(text);
        let marked = self.number == 1;
        let unmarked = text.strip_prefix(BYTE_ORDER_MARK).filter(|_| marked);
        Ok(Line {
            text: unmarked.unwrap_or(text),
            number: self.number,
        })
    }

    /// Reads up to the next line break, which is left out.
    fn fill(&mut self) -> io::Result<End> {
        let limit = LINE_BYTES as u64 + 1;
        (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut self.buffer)?;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
            return Ok(End::Break);
        }
        if self.buffer.len() <= LINE_BYTES {
            return Ok(End::File);
        }
        self.buffer = Vec::new();
        self.input.skip_until(b'\n')?;
        Ok(End::TooLong)
    }
}
