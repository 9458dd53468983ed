//! The JSON of SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018).

use super::{
    LabelledRecords, checked_text,
    questions::{AskedQuestion, Unchecked, id},
};
use crate::DataError;
use crate::source::compression::Input;
use serde::Deserialize;
use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader},
    path::Path,
    sync::Arc,
};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[derive(Deserialize)]
struct DataSet {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: Value,
    question: String,
    answers: Option<Vec<GivenAnswer>>,
    is_impossible: Option<bool>,
}

#[derive(Deserialize)]
struct GivenAnswer {
    answer_start: i64,
    text: String,
}

/// The questions of a file, read as a whole.
pub(super) fn questions(
    path: &Path,
    input: Input,
) -> Result<LabelledRecords<AskedQuestion>, DataError> {
    let data_set = read(path, input)?;
    let path = path.to_owned();
    let paragraphs = data_set.data.into_iter();
    let paragraphs = paragraphs.flat_map(|article| article.paragraphs);
    let entries = paragraphs.flat_map(|paragraph| {
        let context: Arc<str> = paragraph.context.into();
        let entries = paragraph.qas.into_iter();
        entries.map(move |entry| (entry, Arc::clone(&context)))
    });
    Ok(Box::new(entries.map(move |(entry, context)| {
        let id = id(&entry.id).unwrap_or_else(|| entry.id.to_string());
        question(entry, id.clone(), context).map_err(|reason| DataError::InvalidQuestion {
            path: path.clone(),
            id,
            reason,
        })
    })))
}

fn read(path: &Path, input: Input) -> Result<DataSet, DataError> {
    let mut input = BufReader::new(input);
    let parsed = skip_mark(&mut input)
        .map_err(serde_json::Error::io)
        .and_then(|()| serde_json::from_reader(&mut input));
    parsed.map_err(|source| {
        let line = source.line() as u64;
        if source.is_io() {
            let lines_before = line.saturating_sub(1);
            return (input.get_ref()).unreadable(path, lines_before, source.into());
        }
        DataError::InvalidJson {
            path: path.to_owned(),
            line,
            source,
        }
    })
}

fn skip_mark(input: &mut BufReader<Input>) -> io::Result<()> {
    if input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        input.consume(BYTE_ORDER_MARK.len());
    }
    Ok(())
}

fn question(entry: Entry, id: String, context: Arc<str>) -> Result<AskedQuestion, String> {
    let answers = entry.answers.ok_or("no \"answers\"")?.into_iter();
    checked_text("context", &context)?;
    AskedQuestion::checked(Unchecked {
        id,
        question: entry.question,
        context,
        answers: answers
            .map(|answer| (answer.answer_start, answer.text))
            .collect(),
        is_impossible: entry.is_impossible,
    })
}
