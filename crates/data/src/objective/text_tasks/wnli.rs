//! WNLI in the form of WSC: the hypothesis is the premise's end with the pronoun replaced by what it may mean, so the pronoun
//! and the referent are found by laying one over the other. The released code says of its rules that they were checked by
//! hand on the development and test sets; nothing was trained on them.

use super::UNLABELLED;
use super::fields::Fields;
use crate::DataError;
use crate::source::TextPair;

const PRONOUNS: [&str; 9] = [
    "he", "she", "they", "it", "her", "his", "their", "them", "him",
];
const ARTICLES: [&str; 3] = ["a", "an", "the"];
const PUNCTUATION: [char; 4] = ['.', ',', '?', '!'];

/// A pronoun of the premise, and what the hypothesis has in its place.
struct Match {
    /// Words around the pronoun that the hypothesis has too.
    score: usize,
    /// The pronoun's place among the premise's words.
    index: usize,
    candidate: String,
}

/// As with WSC, a record whose hypothesis is false makes no example.
pub(super) fn wnli(fields: &Fields<'_>) -> Result<Vec<TextPair>, DataError> {
    let premise = words(fields.text("sentence1")?);
    let hypothesis = words(fields.text("sentence2")?);
    let found = best_match(&premise, &hypothesis)
        .ok_or_else(|| fields.invalid("sentence1", "a sentence with a pronoun"))?;
    let referent = as_written(&found.candidate, &hypothesis).ok_or_else(|| {
        fields.invalid("sentence2", "the first sentence with its pronoun resolved")
    })?;

    let marked = premise.iter().enumerate().map(|(index, word)| match word {
        word if index != found.index => (*word).to_owned(),
        word => match word.strip_suffix(PUNCTUATION) {
            Some(pronoun) => format!("*{pronoun}* {}", &word[pronoun.len()..]),
            None => format!("*{word}*"),
        },
    });
    let input = format!("wsc: {}", marked.collect::<Vec<_>>().join(" "));
    let target = match fields.label("label", &["not_entailment", "entailment"])? {
        Some("entailment") => &referent,
        Some(_) => return Ok(Vec::new()),
        None => UNLABELLED,
    };
    Ok(vec![fields.pair(input, target)])
}

fn words(sentence: &str) -> Vec<&str> {
    sentence
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect()
}

/// In small letters, without punctuation at the end.
fn plain(word: &str) -> String {
    word.strip_suffix(PUNCTUATION)
        .unwrap_or(word)
        .to_lowercase()
}

/// The first of the pronouns with the best score.
fn best_match(premise: &[&str], hypothesis: &[&str]) -> Option<Match> {
    let premise: Vec<String> = premise.iter().map(|word| plain(word)).collect();
    let hypothesis: Vec<String> = hypothesis.iter().map(|word| plain(word)).collect();
    let forward = hypothesis.join(" ");
    let backward: Vec<&str> = hypothesis.iter().rev().map(String::as_str).collect();
    let backward = backward.join(" ");
    let pronouns = premise
        .iter()
        .enumerate()
        .filter(|(_, word)| PRONOUNS.contains(&word.as_str()));
    pronouns
        .map(|(index, _)| {
            let (before, after) = (&premise[..index], &premise[index + 1..]);
            let num_before = num_shared(before.iter().rev(), &backward);
            let num_after = num_shared(after.iter(), &forward);
            let before = before[index - num_before..].join(" ");
            let after = after[..num_after].join(" ");
            Match {
                score: num_before + num_after,
                index,
                candidate: between(&before, &after, &forward)
                    .unwrap_or_default()
                    .to_owned(),
            }
        })
        .reduce(|best, other| {
            if other.score > best.score {
                other
            } else {
                best
            }
        })
}

/// How many words, from the first on, `text` has one after the other.
fn num_shared<'a>(words: impl Iterator<Item = &'a String>, text: &str) -> usize {
    let mut shared = String::new();
    words
        .take_while(|word| {
            if !shared.is_empty() {
                shared.push(' ');
            }
            shared.push_str(word);
            text.contains(&shared)
        })
        .count()
}

/// What stands in `text` between two others; up to the one or from the other on where not both are found.
fn between<'a>(before: &str, after: &str, text: &'a str) -> Option<&'a str> {
    if before.is_empty() && after.is_empty() {
        return None;
    }
    let front = if before.is_empty() {
        String::new()
    } else {
        format!("{before} ")
    };
    let back = if after.is_empty() {
        String::new()
    } else {
        format!(" {after}")
    };
    let up_to = |text: &'a str| {
        let end = if back.is_empty() {
            text.len()
        } else {
            text.rfind(&back)?
        };
        (end > 0).then(|| &text[..end])
    };
    let behind = |at: usize| &text[at + front.len()..];
    let mut starts = text.match_indices(&front).map(|(at, _)| at);
    starts
        .find_map(|at| up_to(behind(at)))
        .or_else(|| up_to(text))
        .or_else(|| {
            text.find(&front)
                .map(behind)
                .filter(|rest| !rest.is_empty())
        })
}

/// A candidate from its last article on, as the hypothesis writes it, without punctuation and possessive.
fn as_written(candidate: &str, hypothesis: &[&str]) -> Option<String> {
    let candidate = words(candidate);
    let first = |article: &&str| candidate.iter().position(|word| word == article);
    let start = ARTICLES.iter().filter_map(first).max().unwrap_or(0);
    let candidate = candidate.get(start..).filter(|words| !words.is_empty())?;
    let written = hypothesis
        .windows(candidate.len())
        .find(|window| {
            window
                .iter()
                .zip(candidate)
                .all(|(word, other)| plain(word) == **other)
        })?
        .join(" ");
    let written = written.strip_suffix(PUNCTUATION).unwrap_or(&written);
    let referent = written
        .strip_suffix("'s")
        .or_else(|| written.strip_suffix('\''))
        .unwrap_or(written);
    Some(referent.to_owned())
}
