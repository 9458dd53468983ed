//! Where inputs come from: arguments, lines, or fields of JSON Lines.

use std::io::{IsTerminal, stdin};
use std::path::Path;

use anyhow::bail;
use lamplight_data::DataError;
use lamplight_data::source::{Document, TextLines};
use serde_json::{Map, Value};

use super::TextArguments;

/// The fields of records that are read.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    /// The text, where no field is named for it.
    pub text: &'a str,
    /// What goes with the text, if anything does; then all lines are records. Texts on the command line have
    /// none.
    pub second: Option<&'a str>,
}

impl Fields<'_> {
    /// A text alone.
    pub const TEXT: Self = Self {
        text: "text",
        second: None,
    };
}

/// A text to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// As it was given.
    pub text: String,
    /// What goes with it.
    pub second: Option<String>,
    /// The object it was a field of.
    pub record: Option<Map<String, Value>>,
}

impl Input {
    fn plain(text: String) -> Self {
        Self {
            text,
            second: None,
            record: None,
        }
    }

    /// Whether there is nothing to ask about.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
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

/// Lines, and the fields of them that are read; none for the line as it is.
struct Lines {
    lines: TextLines,
    fields: Option<OwnedFields>,
}

#[derive(Debug, Clone)]
struct OwnedFields {
    text: String,
    second: Option<String>,
}

impl OwnedFields {
    /// `named` is what the arguments say of the text.
    fn new(named: Option<&str>, fields: Fields<'_>) -> Self {
        Self {
            text: named.unwrap_or(fields.text).to_owned(),
            second: fields.second.map(str::to_owned),
        }
    }
}

impl<'a> Inputs<'a> {
    /// Opens what the arguments name. A file is read once to its end first, so that a bad line is
    /// found before any long work.
    pub fn open(arguments: &'a TextArguments, fields: Fields<'_>) -> anyhow::Result<Self> {
        let is_dash = |text: &Path| text.as_os_str() == "-";
        let named = arguments.field.as_deref();
        Ok(match (&arguments.input, arguments.given()) {
            (Some(path), _) if !is_dash(path) => Self::of_file(path, named, fields)?,
            (None, texts @ [_, ..]) => Self {
                inputs: Box::new(texts.iter().map(|text| Ok(Input::plain(text.clone())))),
                total: Some(texts.len()),
                are_typed: false,
            },
            _ => Self {
                inputs: Box::new(Lines {
                    lines: TextLines::of_standard_input(),
                    fields: (named.is_some() || fields.second.is_some())
                        .then(|| OwnedFields::new(named, fields)),
                }),
                total: None,
                are_typed: stdin().is_terminal(),
            },
        })
    }

    fn of_file(path: &Path, named: Option<&str>, fields: Fields<'_>) -> anyhow::Result<Self> {
        let mut lines = Lines::open(path, named, fields)?;
        let mut total = None;
        // What is no file, such as a named pipe, can be read only once.
        if path.is_file() {
            total = Some(lines.try_fold(0, |num, line| line.map(|_| num + 1))?);
            lines = Lines::open(path, named, fields)?;
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
    fn open(path: &Path, named: Option<&str>, fields: Fields<'_>) -> anyhow::Result<Self> {
        let lines = TextLines::open(path)?;
        let are_records = match lines.extension() {
            Some(extension @ ("csv" | "tsv" | "parquet")) => bail!(
                "{}: --input reads lines and JSON Lines, not {extension}",
                path.display()
            ),
            Some("jsonl" | "ndjson" | "json") => true,
            _ => named.is_some() || fields.second.is_some(),
        };
        let fields = are_records.then(|| OwnedFields::new(named, fields));
        Ok(Self { lines, fields })
    }

    fn input(&self, document: Document, fields: &OwnedFields) -> Result<Input, DataError> {
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
        let string = |field: &String| {
            let string = record.get(field).and_then(Value::as_str).map(str::to_owned);
            string.ok_or_else(|| DataError::MissingText {
                path: path(),
                line: number,
                field: field.clone(),
            })
        };
        Ok(Input {
            text: string(&fields.text)?,
            second: fields.second.as_ref().map(string).transpose()?,
            record: Some(record),
        })
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
            match &self.fields {
                None => return Some(Ok(Input::plain(document.text))),
                Some(_) if document.text.trim().is_empty() => {}
                Some(fields) => return Some(self.input(document, fields)),
            }
        }
    }
}
