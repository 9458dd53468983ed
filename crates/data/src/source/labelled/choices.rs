//! A context with several ways to go on, one of which is right.

use super::{LabelledRecords, class_name, parsed, unlabelled};
use crate::DataError;
use std::path::Path;

const CONTEXTS: [&str; 4] = ["context", "premise", "sentence", "ctx"];
const LISTS: [&str; 2] = ["choices", "endings"];
const PAIR: [&str; 2] = ["choice1", "choice2"];
const LABEL: &str = "label";

/// A context with several ways to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// What they go on from.
    pub context: String,
    /// The ways to go on, at least two.
    pub choices: Vec<String>,
    /// Which of them is right, counted from zero.
    pub label: usize,
}

/// Opens a file of choices in a format of [`crate::source::read_records`]: a context (`context`, `premise`, `sentence` or
/// `ctx`), choices (a list `choices` or `endings`, or `choice1` and `choice2`) and the `label`, the place of the right one
/// counted from zero.
///
/// # Errors
/// [`DataError::MissingColumn`] for CSV, TSV and Parquet without the label, and what [`crate::source::read_records`]
/// says. The iterator's items may be [`DataError::InvalidRecord`] for one record.
pub fn choices(path: &Path) -> Result<LabelledRecords<Choices>, DataError> {
    let names = [&CONTEXTS[..], &LISTS, &PAIR, &[LABEL]].concat();
    parsed(path, (&names, &[LABEL]), |record| {
        let context = record.first_of(&CONTEXTS);
        let context = context.ok_or_else(|| format!("none of {}", CONTEXTS.join(", ")))?;
        let choices = match record.first_of(&LISTS) {
            Some(list) => record.texts(list)?,
            None => vec![record.text(PAIR[0])?, record.text(PAIR[1])?],
        };
        if choices.len() < 2 {
            return Err(format!("{} choices, at least 2 are needed", choices.len()));
        }
        if choices.iter().any(|choice| choice.contains('\0')) {
            return Err("a choice holds a NUL character".to_owned());
        }
        let value = record.value(LABEL);
        let label = class_name(value).ok_or_else(|| unlabelled(LABEL, value))?;
        let label = label.parse().ok().filter(|&label| label < choices.len());
        Ok(Choices {
            context: record.text(context)?,
            label: label.ok_or_else(|| {
                let last = choices.len() - 1;
                format!("\"{LABEL}\" is {value}, expected a number from 0 to {last}")
            })?,
            choices,
        })
    })
}
