//! Whom a pronoun means: the pronoun is set between asterisks, the target is the one meant.

use super::UNLABELLED;
use super::fields::Fields;
use crate::DataError;
use crate::source::TextPair;

/// A record whose referent is wrong makes no example: its target would be wrong too.
pub(super) fn wsc(fields: &Fields<'_>) -> Result<Vec<TextPair>, DataError> {
    let input = format!("wsc: {}", marked(fields)?);
    let referent = fields.text("span1_text")?;
    let target = match fields.label("label", &["False", "True"])? {
        Some("True") => referent,
        Some(_) => return Ok(Vec::new()),
        None => UNLABELLED,
    };
    Ok(vec![fields.pair(input, target)])
}

/// The text with the pronoun marked. It is the word at `span2_index`, or the next one that matches: in some published
/// records that index is too low. Punctuation written to it is set off.
fn marked(fields: &Fields<'_>) -> Result<String, DataError> {
    let pronoun = fields.text("span2_text")?;
    let mut words: Vec<String> = fields.text("text")?.split(' ').map(str::to_owned).collect();
    let index = fields.index("span2_index")?;
    let rest_behind = |word: &str| {
        let rest = word.strip_prefix(pronoun)?;
        let is_whole = !rest.starts_with(char::is_alphanumeric);
        is_whole.then(|| rest.to_owned())
    };
    let found = words
        .iter_mut()
        .skip(index)
        .find_map(|word| rest_behind(word).map(|rest| (word, rest)));
    let Some((word, rest)) = found else {
        return Err(fields.invalid(
            "span2_index",
            format!("the place of the word \"{pronoun}\""),
        ));
    };
    *word = format!("*{pronoun}*");
    if !rest.is_empty() {
        word.push(' ');
        word.push_str(&rest);
    }
    Ok(words.join(" "))
}

/// The first occurrence between a space and a space, full stop or comma is marked; as in the released code, a text
/// without one stays as it is.
pub(super) fn dpr(fields: &Fields<'_>) -> Result<TextPair, DataError> {
    let (sentence, pronoun) = (fields.text("sentence")?, fields.text("pronoun")?);
    let spaced = format!(" {pronoun}");
    let place = sentence
        .match_indices(&spaced)
        .find(|(at, found)| sentence[at + found.len()..].starts_with([' ', '.', ',']));
    let marked = match place {
        Some((at, found)) => {
            let (before, after) = (&sentence[..at], &sentence[at + found.len()..]);
            format!("{before} *{pronoun}*{after}")
        }
        None => sentence.to_owned(),
    };
    let candidates = fields.texts("candidates")?;
    let target = candidates
        .get(fields.index("label")?)
        .ok_or_else(|| fields.invalid("label", "the index of a candidate"))?;
    Ok(fields.pair(format!("wsc: {marked}"), target))
}
