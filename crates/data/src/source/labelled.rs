//! Records with what a model should say of them: texts and pairs of texts with a label, words with a label each,
//! questions with their answers, and choices.

mod choices;
mod questions;
mod squad;
mod texts;
mod words;

pub use choices::{Choices, choices};
pub use questions::{Answer, AskedQuestion, questions};
pub use texts::{Label, LabelledText, TextFields, texts};
pub use words::{LabelledWords, words};

use super::records::read_records;
use crate::DataError;
use serde_json::Value;
use std::path::Path;

/// The labelled records of one file, in order. After an error about one record the next item goes on behind it; after an
/// error about the file there is none.
pub type LabelledRecords<T> = Box<dyn Iterator<Item = Result<T, DataError>> + Send>;

/// The wanted fields of a record by their names.
struct Fields<'a> {
    names: &'a [String],
    values: Vec<Value>,
}

/// The records of a file as `parse` reads their fields; what it says is wrong becomes an error with file and line.
/// `required` are fields that CSV, TSV and Parquet need a column for.
fn parsed<T: 'static>(
    path: &Path,
    (names, required): (&[&str], &[&str]),
    mut parse: impl FnMut(Fields<'_>) -> Result<T, String> + Send + 'static,
) -> Result<LabelledRecords<T>, DataError> {
    let records = read_records(path, names)?;
    records.check_columns(path, required)?;
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let path = path.to_owned();
    Ok(Box::new(records.map(move |record| {
        let record = record?;
        let fields = Fields {
            names: &names,
            values: record.values,
        };
        parse(fields).map_err(|reason| DataError::InvalidRecord {
            path: path.clone(),
            line: record.line,
            reason,
        })
    })))
}

impl Fields<'_> {
    /// The value of a field, null where the record has none.
    fn value(&self, name: &str) -> &Value {
        let place = self.names.iter().position(|other| other == name);
        place.map_or(&Value::Null, |place| &self.values[place])
    }

    /// The first of some fields that the record has.
    fn first_of<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        let has = |name: &&&str| !self.value(name).is_null();
        names.iter().find(has).copied()
    }

    /// A text with something in it.
    fn text(&self, name: &str) -> Result<String, String> {
        let text = self.value(name).as_str();
        checked_text(
            name,
            text.ok_or_else(|| format!("no string field \"{name}\""))?,
        )
    }

    /// A list of texts.
    fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let texts = self.value(name).as_array().and_then(|values| {
            let texts = values.iter().map(|value| value.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>()
        });
        texts.ok_or_else(|| format!("\"{name}\" is no list of strings"))
    }
}

fn checked_text(name: &str, text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err(format!("\"{name}\" is empty"));
    }
    if text.contains('\0') {
        return Err(format!("\"{name}\" holds a NUL character"));
    }
    Ok(text.to_owned())
}

/// The name of a class: a string, an integer or a truth value. None for what says that there is no label: nothing, an
/// empty string or -1.
fn class_name(value: &Value) -> Option<String> {
    let name = match value {
        Value::String(name) => name.trim().to_owned(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => return None,
    };
    (!name.is_empty() && name != "-1").then_some(name)
}

/// What to say of a record without a label.
fn unlabelled(field: &str, value: &Value) -> String {
    match value {
        Value::Null => format!("no label: \"{field}\" is missing or null"),
        value => format!("no label: \"{field}\" is {value}"),
    }
}
