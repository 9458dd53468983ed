//! Texts, or pairs of them, with a label.

use super::{Fields, LabelledRecords, class_name, parsed, unlabelled};
use crate::DataError;
use serde_json::Value;
use std::{fmt, path::Path};

/// Names that the fields of one text or two go by, those of GLUE among them, in the order they are looked for.
const KNOWN_FIELDS: [(&str, Option<&str>); 7] = [
    ("sentence1", Some("sentence2")),
    ("premise", Some("hypothesis")),
    ("question1", Some("question2")),
    ("question", Some("sentence")),
    ("sentence1", None),
    ("sentence", None),
    ("text", None),
];

/// A text, or two, with what is to be said of them.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledText {
    /// The text, or the first of two.
    pub first: String,
    /// The second one.
    pub second: Option<String>,
    /// What is to be said.
    pub label: Label,
}

/// What is to be said of a text, as it is written: a number with a fraction or an exponent is a value, anything else
/// names a class. As a class its name is what it displays.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    /// The name of a class, or a number that was written as a string or without a fraction.
    Class(String),
    /// A number.
    Value(f32),
}

/// Which fields of a record hold texts and label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFields {
    /// The text, or two. By default the first of these that the first record has: `sentence1` and `sentence2`, `premise`
    /// and `hypothesis`, `question1` and `question2`, `question` and `sentence`, `sentence1`, `sentence`, `text`.
    pub texts: Option<(String, Option<String>)>,
    /// The label.
    pub label: String,
}

impl Default for TextFields {
    fn default() -> Self {
        Self {
            texts: None,
            label: "label".to_owned(),
        }
    }
}

impl Label {
    /// The label as a number, if it is one.
    pub fn value(&self) -> Option<f32> {
        let value = match self {
            Self::Class(name) => name.parse().ok(),
            Self::Value(value) => Some(*value),
        };
        value.filter(|value: &f32| value.is_finite())
    }

    /// None where a record has no label: as [`class_name`], and -1.0.
    fn read(value: &Value) -> Option<Self> {
        match value.as_f64().filter(|_| value.is_f64()) {
            Some(-1.0) => None,
            Some(value) => Some(Self::Value(value as f32)),
            None => class_name(value).map(Self::Class),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(name) => formatter.write_str(name),
            Self::Value(value) => value.fmt(formatter),
        }
    }
}

/// Opens a file of labelled texts in a format of [`crate::source::read_records`]. Labels are strings, numbers or truth
/// values.
///
/// # Errors
/// [`DataError::MissingColumn`] for CSV, TSV and Parquet without a field that `fields` names, and what
/// [`crate::source::read_records`] says. The iterator's items may be [`DataError::InvalidRecord`] for one record, say
/// without a label: null, an empty string and -1 are none.
pub fn texts(path: &Path, fields: &TextFields) -> Result<LabelledRecords<LabelledText>, DataError> {
    let TextFields { mut texts, label } = fields.clone();
    let mut required = vec![fields.label.as_str()];
    if let Some((first, second)) = &fields.texts {
        required.extend([first].into_iter().chain(second).map(String::as_str));
    }
    let known = KNOWN_FIELDS.iter();
    let known = known.flat_map(|&(first, second)| [first].into_iter().chain(second));
    let wanted: Vec<&str> = required.iter().copied().chain(known).collect();
    parsed(path, (&wanted, &required), move |record| {
        let (first, second): &(String, Option<String>) = match &texts {
            Some(texts) => texts,
            None => texts.insert(known_fields(&record)?),
        };
        let second = second.as_ref().map(|second| record.text(second));
        let value = record.value(&label);
        Ok(LabelledText {
            first: record.text(first)?,
            second: second.transpose()?,
            label: Label::read(value).ok_or_else(|| unlabelled(&label, value))?,
        })
    })
}

/// The first of [`KNOWN_FIELDS`] that a record has.
fn known_fields(record: &Fields<'_>) -> Result<(String, Option<String>), String> {
    let has = |name: &str| !record.value(name).is_null();
    let found = KNOWN_FIELDS
        .iter()
        .find(|(first, second)| has(first) && second.is_none_or(has));
    let (first, second) = found.ok_or_else(|| {
        let names = KNOWN_FIELDS.map(|(first, second)| match second {
            Some(second) => format!("\"{first}\" and \"{second}\""),
            None => format!("\"{first}\""),
        });
        format!("no text: expected one of {}", names.join(", "))
    })?;
    Ok(((*first).to_owned(), second.map(str::to_owned)))
}
