//! Questions about texts, with their answers.

use super::{Fields, LabelledRecords, checked_text, parsed, squad};
use crate::DataError;
use crate::source::compression::Input;
use serde_json::Value;
use std::{path::Path, sync::Arc};

const FIELDS: [&str; 5] = ["id", "question", "context", "answers", "is_impossible"];

/// A question with the text that its answer is to be found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedQuestion {
    /// What the file calls it.
    pub id: String,
    /// What is asked.
    pub question: String,
    /// Where the answer is to be found.
    pub context: Arc<str>,
    /// What people answered; none exactly if the question is impossible.
    pub answers: Vec<Answer>,
    /// Whether the context does not answer it.
    pub is_impossible: bool,
}

/// A piece of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The first character (Unicode code point, not byte) of the context that belongs to it.
    pub start: usize,
    /// What is written there.
    pub text: String,
}

/// Opens a file of questions: `.json` in the layout of SQuAD 1.1 and 2.0 (`data`, `paragraphs`, `qas`), which is read as a
/// whole; anything else as [`crate::source::read_records`] tells, in records of `id`, `question`, `context`, `answers` with
/// the lists `text` and `answer_start`, and where it is known `is_impossible`. `.gz`, `.zst` and `.zstd` are decompressed.
///
/// # Errors
/// [`DataError::InvalidJson`] for a file in another layout, [`DataError::MissingColumn`] for Parquet without a field, and
/// what [`crate::source::read_records`] says. The iterator's items may be [`DataError::InvalidQuestion`] or
/// [`DataError::InvalidRecord`] for one question, say where the context has not the answer at its place.
pub fn questions(path: &Path) -> Result<LabelledRecords<AskedQuestion>, DataError> {
    let input = Input::open(path)?;
    if input.inner_extension.as_deref() == Some("json") {
        return squad::questions(path, input);
    }
    parsed(path, (&FIELDS, &FIELDS[..4]), |record| {
        let id = id(record.value("id")).ok_or("no \"id\"")?;
        of_record(&record, id.clone()).map_err(|reason| format!("question {id}: {reason}"))
    })
}

/// A string or a number.
pub(super) fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn of_record(record: &Fields<'_>, id: String) -> Result<AskedQuestion, String> {
    let answers = record.value("answers");
    let list = |name: &str| {
        let list = answers.get(name).and_then(Value::as_array);
        list.ok_or_else(|| format!("no list \"{name}\" in \"answers\""))
    };
    let (texts, starts) = (list("text")?, list("answer_start")?);
    if texts.len() != starts.len() {
        return Err(format!(
            "{} texts and {} places of answers",
            texts.len(),
            starts.len()
        ));
    }
    let answer = |(text, start): (&Value, &Value)| match (text.as_str(), start.as_i64()) {
        (Some(text), Some(start)) => Ok((start, text.to_owned())),
        _ => Err("an answer is no text with its place".to_owned()),
    };
    let answers = texts.iter().zip(starts).map(answer);
    AskedQuestion::checked(Unchecked {
        id,
        question: record.text("question")?,
        context: record.text("context")?.into(),
        answers: answers.collect::<Result<_, String>>()?,
        is_impossible: record.value("is_impossible").as_bool(),
    })
}

/// A question as a file has it.
pub(super) struct Unchecked {
    pub(super) id: String,
    pub(super) question: String,
    pub(super) context: Arc<str>,
    /// Places in characters, and texts.
    pub(super) answers: Vec<(i64, String)>,
    pub(super) is_impossible: Option<bool>,
}

impl AskedQuestion {
    pub(super) fn checked(question: Unchecked) -> Result<Self, String> {
        let Unchecked {
            id,
            question,
            context,
            answers,
            is_impossible,
        } = question;
        let is_unanswered = answers.is_empty();
        match is_impossible {
            Some(true) if !is_unanswered => return Err("impossible, but answered".to_owned()),
            Some(false) if is_unanswered => return Err("no answer".to_owned()),
            _ => {}
        }
        let question = checked_text("question", &question)?;
        let answers = answers.into_iter();
        let answers = answers.map(|(start, text)| Answer::checked(start, text, &context));
        Ok(Self {
            id,
            question,
            answers: answers.collect::<Result<_, String>>()?,
            is_impossible: is_unanswered,
            context,
        })
    }
}

impl Answer {
    fn checked(start: i64, text: String, context: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an answer is empty".to_owned());
        }
        let place = usize::try_from(start).ok();
        let found = place.and_then(|start| {
            let (byte, _) = context.char_indices().nth(start)?;
            context[byte..].starts_with(&text).then_some(start)
        });
        match found {
            Some(start) => Ok(Self { start, text }),
            None => Err(format!(
                "the context has no \"{text}\" at character {start}"
            )),
        }
    }
}
