//! The fields of a record, with errors that name task and field.

use serde_json::{Map, Value};

use super::TextTask;
use crate::DataError;
use crate::source::TextPair;

/// The label of a record that has none.
const NO_LABEL: i64 = -1;

/// A record as a task reads it.
pub(super) struct Fields<'a> {
    task: TextTask,
    record: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// Translations stand below `translation` in the data sets as they are published.
    pub(super) fn new(task: TextTask, record: &'a Map<String, Value>) -> Self {
        let nested = record.get("translation").and_then(Value::as_object);
        Self {
            task,
            record: nested.unwrap_or(record),
        }
    }

    pub(super) fn pair(&self, input: String, target: &str) -> TextPair {
        TextPair {
            task: self.task.to_string(),
            input,
            target: target.to_owned(),
            targets: Vec::new(),
        }
    }

    pub(super) fn value(&self, field: &'static str) -> Result<&'a Value, DataError> {
        self.record
            .get(field)
            .filter(|value| !value.is_null())
            .ok_or_else(|| DataError::MissingField {
                task: self.task.to_string(),
                field,
            })
    }

    pub(super) fn invalid(&self, field: &'static str, expected: impl Into<String>) -> DataError {
        DataError::InvalidField {
            task: self.task.to_string(),
            field,
            value: self.record.get(field).unwrap_or(&Value::Null).to_string(),
            expected: expected.into(),
        }
    }

    pub(super) fn text(&self, field: &'static str) -> Result<&'a str, DataError> {
        let value = self.value(field)?;
        value
            .as_str()
            .ok_or_else(|| self.invalid(field, "a string"))
    }

    pub(super) fn texts(&self, field: &'static str) -> Result<Vec<&'a str>, DataError> {
        strings(self.value(field)?).ok_or_else(|| self.invalid(field, "a list of strings"))
    }

    /// An integer, also one written out or as a truth value.
    fn integer(&self, field: &'static str) -> Result<Option<i64>, DataError> {
        Ok(match self.value(field)? {
            Value::Bool(value) => Some(i64::from(*value)),
            Value::Number(value) => value.as_i64(),
            Value::String(value) => value.trim().parse().ok(),
            _ => None,
        })
    }

    /// The name of a label, itself written out or by its place in `names`; none for [`NO_LABEL`].
    pub(super) fn label(
        &self,
        field: &'static str,
        names: &[&'static str],
    ) -> Result<Option<&'static str>, DataError> {
        let written = self.value(field)?.as_str();
        if let Some(name) = names.iter().find(|&&name| written == Some(name)) {
            return Ok(Some(name));
        }
        match self.integer(field)? {
            Some(NO_LABEL) => Ok(None),
            index => index
                .and_then(|index| names.get(usize::try_from(index).ok()?))
                .map(|name| Some(*name))
                .ok_or_else(|| {
                    let expected = format!(
                        "{} or a number from 0 to {}, -1 without a label",
                        names.join(", "),
                        names.len().saturating_sub(1)
                    );
                    self.invalid(field, expected)
                }),
        }
    }

    pub(super) fn index(&self, field: &'static str) -> Result<usize, DataError> {
        let index = self.integer(field)?;
        index
            .and_then(|index| usize::try_from(index).ok())
            .ok_or_else(|| self.invalid(field, "an index from 0"))
    }

    /// A score from 0 to 5; none for [`NO_LABEL`].
    pub(super) fn similarity(&self, field: &'static str) -> Result<Option<f32>, DataError> {
        let score = match self.value(field)? {
            Value::Number(value) => value.as_f64().map(|score| score as f32),
            Value::String(value) => value.trim().parse::<f32>().ok(),
            _ => None,
        };
        match score {
            Some(score) if score == NO_LABEL as f32 => Ok(None),
            Some(score) if (0.0..=5.0).contains(&score) => Ok(Some(score)),
            _ => Err(self.invalid(field, "a number from 0 to 5, -1 without a label")),
        }
    }
}

/// The strings of a list of nothing else.
pub(super) fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}
