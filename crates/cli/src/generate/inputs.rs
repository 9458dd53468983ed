//! Where inputs come from: arguments, lines, or fields of JSON Lines.

use std::io::{IsTerminal, stdin};
use std::path::Path;

use lamplight_data::DataError;
use lamplight_data::source::{Document, TextLines};
use serde_json::{Map, Value};

use super::arguments::GenerateArguments;

/// The text of a record where no field is named.
const DEFAULT_FIELD: &str = "text";

/// A text to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Without the prefix.
    pub text: String,
    /// The object it was a field of.
    pub record: Option<Map<String, Value>>,
}

impl Input {
    fn plain(text: String) -> Self {
        Self { text, record: None }
    }
}

/// The inputs in order.
pub struct Inputs<'a> {
    inputs: Box<dyn Iterator<Item = Result<Input, DataError>> + 'a>,
    /// How many there are, where that is known before they are read.
    pub total: Option<usize>,
    /// Whether somebody types them and waits for each answer.
    pub are_typed: bool,
}

/// Lines, and the field of them that is the text; none for the line as it is.
struct Lines {
    lines: TextLines,
    field: Option<String>,
}

impl<'a> Inputs<'a> {
    /// Opens what the arguments name. A file is read once to its end first, so that a bad line is
    /// found before any long work.
    pub fn open(arguments: &'a GenerateArguments) -> anyhow::Result<Self> {
        let is_dash = |text: &Path| text.as_os_str() == "-";
        let field = arguments.field.as_deref();
        Ok(match (&arguments.input, arguments.texts.as_slice()) {
            (Some(path), _) if !is_dash(path) => Self::of_file(path, field)?,
            (None, texts @ [first, ..]) if texts.len() > 1 || first != "-" => Self {
                inputs: Box::new(texts.iter().map(|text| Ok(Input::plain(text.clone())))),
                total: Some(texts.len()),
                are_typed: false,
            },
            _ => Self {
                inputs: Box::new(Lines {
                    lines: TextLines::of_standard_input(),
                    field: field.map(str::to_owned),
                }),
                total: None,
                are_typed: stdin().is_terminal(),
            },
        })
    }

    fn of_file(path: &Path, field: Option<&str>) -> anyhow::Result<Self> {
        let mut lines = Lines::open(path, field)?;
        let mut total = None;
        // What is no file, such as a named pipe, can be read only once.
        if path.is_file() {
            total = Some(lines.try_fold(0, |num, line| line.map(|_| num + 1))?);
            lines = Lines::open(path, field)?;
        }
        Ok(Self {
            inputs: Box::new(lines),
            total,
            are_typed: false,
        })
    }
}

impl Iterator for Inputs<'_> {
    type Item = Result<Input, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.inputs.next()
    }
}

impl Lines {
    fn open(path: &Path, field: Option<&str>) -> anyhow::Result<Self> {
        let lines = TextLines::open(path)?;
        let field = match lines.extension() {
            Some(extension @ ("csv" | "tsv" | "parquet")) => anyhow::bail!(
                "{}: --input reads lines and JSON Lines, not {extension}",
                path.display()
            ),
            Some("jsonl" | "ndjson" | "json") => Some(field.unwrap_or(DEFAULT_FIELD)),
            _ => field,
        };
        let field = field.map(str::to_owned);
        Ok(Self { lines, field })
    }

    fn input(&self, document: Document, field: &str) -> Result<Input, DataError> {
        let Document {
            text: line,
            line: number,
        } = document;
        let path = || self.lines.path().to_owned();
        let record: Map<String, Value> =
            serde_json::from_str(&line).map_err(|source| DataError::InvalidJson {
                path: path(),
                line: number,
                source,
            })?;
        match record.get(field).and_then(Value::as_str) {
            Some(text) => Ok(Input {
                text: text.to_owned(),
                record: Some(record),
            }),
            None => Err(DataError::MissingText {
                path: path(),
                line: number,
                field: field.to_owned(),
            }),
        }
    }
}

/// Blank lines between records are none, as in every file of records.
impl Iterator for Lines {
    type Item = Result<Input, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let document = match self.lines.next()? {
                Ok(document) => document,
                Err(error) => return Some(Err(error)),
            };
            match &self.field {
                None => return Some(Ok(Input::plain(document.text))),
                Some(_) if document.text.trim().is_empty() => {}
                Some(field) => return Some(self.input(document, field)),
            }
        }
    }
}
