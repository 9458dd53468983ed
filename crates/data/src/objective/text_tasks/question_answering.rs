//! SQuAD, with spaces round everything that is no ASCII letter, digit or underscore.

use serde_json::Value;

use super::fields::{Fields, strings};
use crate::DataError;
use crate::source::TextPair;

/// The first answer is the target, all of them are right. Answers are strings, objects with `text`, or an object with the list `text`.
pub(super) fn squad(fields: &Fields<'_>) -> Result<TextPair, DataError> {
    let question = spaced(fields.text("question")?);
    let context = spaced(fields.text("context")?);
    let input = collapsed(&format!("question: {question} context: {context}"));
    let answers = answers(fields.value("answers")?);
    let answer = answers
        .as_deref()
        .and_then(<[&str]>::first)
        .ok_or_else(|| fields.invalid("answers", "a list with an answer's text"))?;
    Ok(TextPair {
        targets: answers.iter().flatten().copied().map(spaced).collect(),
        ..fields.pair(input, &spaced(answer))
    })
}

fn answers(value: &Value) -> Option<Vec<&str>> {
    match value.get("text") {
        Some(texts) => strings(texts),
        None => strings(value).or_else(|| {
            let texts = value.as_array()?.iter();
            texts.map(|answer| answer.get("text")?.as_str()).collect()
        }),
    }
}

/// Letters that are not ASCII are set apart too: the released models have seen `é` as ` é `.
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(2 * text.len());
    for symbol in text.chars() {
        if symbol.is_ascii_alphanumeric() || symbol == '_' {
            spaced.push(symbol);
        } else {
            spaced.extend([' ', symbol, ' ']);
        }
    }
    collapsed(&spaced)
}

/// Each run of white space as one space. A space at an end stays.
fn collapsed(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for symbol in text.chars() {
        if !matches!(symbol, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
            collapsed.push(symbol);
        } else if !collapsed.ends_with(' ') {
            collapsed.push(' ');
        }
    }
    collapsed
}
