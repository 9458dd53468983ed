//! Inputs with their targets, out of files of records.

use super::{
    compression::Input,
    holds_nul,
    records::{Nested, Record, Records, Wanted},
};
use crate::DataError;
use serde_json::Value;
use std::path::{Path, PathBuf};

const INPUT: &str = "input";
/// Another name of the default one.
const SOURCE: &str = "source";
const TARGET: &str = "target";
/// Beside the default one: all right answers.
const TARGETS: &str = "targets";

/// An input with its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPair {
    /// The task it belongs to; scores are kept apart by it.
    pub task: String,
    /// What is given, with the task's prefix if it has one: `plural: wolf`.
    pub input: String,
    /// The answer: `wolves`.
    pub target: String,
    /// All right answers, `target` among them, where the record names several; else empty.
    pub targets: Vec<String>,
}

impl TextPair {
    /// The right answers, one at least.
    pub fn references(&self) -> &[String] {
        match self.targets.is_empty() {
            true => std::slice::from_ref(&self.target),
            false => &self.targets,
        }
    }
}

/// Which fields of a record hold a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFields {
    /// What is given.
    pub input: String,
    /// The answer.
    pub target: String,
}

impl Default for PairFields {
    fn default() -> Self {
        Self {
            input: INPUT.to_owned(),
            target: TARGET.to_owned(),
        }
    }
}

/// The pairs of one file, in order. After an error about one record the next item goes on behind it; after an error
/// about the file there is none.
pub struct Pairs {
    path: PathBuf,
    fields: PairFields,
    records: Records,
}

/// Opens a file of pairs. The name tells the format: `.csv`, `.tsv` and `.parquet`, anything else is JSON Lines; `.gz`,
/// `.zst` and `.zstd` are decompressed. A record has the strings that `fields` names (`source` will do for `input`),
/// where there are several tasks, `task`, and where there are several right answers, the list `targets` beside `target`;
/// others are left out.
///
/// # Errors
/// [`DataError::MissingColumn`] for CSV, TSV and Parquet without the fields, and what [`super::read_records`] says. The
/// iterator's items may be [`DataError::InvalidPair`] and [`DataError::HoldsNul`] for one record.
pub fn pairs(path: &Path, fields: &PairFields) -> Result<Pairs, DataError> {
    let names = [&fields.input, &fields.target, "task", SOURCE, TARGETS];
    let wanted = Wanted {
        fields: &names,
        nested: Nested::Kept,
    };
    let records = Records::open(path, Input::open(path)?, wanted)?;
    let input = if fields.input == INPUT && records.check_columns(path, &[SOURCE]).is_ok() {
        SOURCE
    } else {
        &fields.input
    };
    records.check_columns(path, &[input, &fields.target])?;
    Ok(Pairs {
        path: path.to_owned(),
        fields: fields.clone(),
        records,
    })
}

impl Pairs {
    /// Bytes read from the file so far, compressed ones where it is compressed.
    pub fn bytes_read(&self) -> u64 {
        self.records.bytes_read()
    }

    fn pair(&self, record: Record) -> Result<TextPair, DataError> {
        let mut values = record.values.into_iter();
        let mut strings = values.by_ref().take(4).map(|value| match value {
            Value::String(text) => Some(text),
            _ => None,
        });
        let [input, target, task, source] = std::array::from_fn(|_| strings.next().flatten());
        let targets = (values.next()).filter(|_| self.fields.target == TARGET);
        let invalid = |reason: String| DataError::InvalidPair {
            path: self.path.clone(),
            line: record.line,
            reason,
        };
        let source = source.filter(|_| self.fields.input == INPUT);
        let missing = |field: &str| invalid(format!("no string field \"{field}\""));
        let mut pair = TextPair {
            task: task.unwrap_or_default(),
            input: input
                .or(source)
                .ok_or_else(|| missing(&self.fields.input))?,
            target: target.ok_or_else(|| missing(&self.fields.target))?,
            targets: right_answers(targets.unwrap_or_default())
                .ok_or_else(|| invalid(format!("\"{TARGETS}\" is no list of strings")))?,
        };
        if !pair.targets.is_empty() && !pair.targets.contains(&pair.target) {
            pair.targets.insert(0, pair.target.clone());
        }
        if pair.input.trim().is_empty() || pair.target.trim().is_empty() {
            return Err(invalid("the input or the target is empty".to_owned()));
        }
        if [&pair.task, &pair.input, &pair.target]
            .into_iter()
            .chain(&pair.targets)
            .any(|text| text.contains('\0'))
        {
            return Err(holds_nul(&self.path, record.line));
        }
        Ok(pair)
    }
}

/// The strings of a list, none where there is no list.
fn right_answers(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(values) => values
            .into_iter()
            .map(|value| match value {
                Value::String(text) => Some(text),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

impl Iterator for Pairs {
    type Item = Result<TextPair, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        Some(record.and_then(|record| self.pair(record)))
    }
}
