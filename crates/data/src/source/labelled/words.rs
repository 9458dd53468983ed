//! Words with a label each: named entities, parts of speech.

use super::{Fields, LabelledRecords, class_name, parsed, unlabelled};
use crate::DataError;
use crate::source::{
    BLOCK_BYTES,
    bad_records::is_of_one_record,
    compression::Input,
    lines::{Line, Lines},
};
use std::path::{Path, PathBuf};

const WORDS: &str = "tokens";
const LABELS: [&str; 2] = ["tags", "ner_tags"];
/// Starts a document in the files of CoNLL-2003.
const DOCUMENT_START: &str = "-DOCSTART-";

/// The words of a sentence with a label each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelledWords {
    /// At least one.
    pub words: Vec<String>,
    /// As many.
    pub labels: Vec<String>,
}

/// Opens a file of labelled words. `.jsonl`, `.ndjson`, `.json` and `.parquet` hold records of a list `tokens` with a list
/// `tags` or `ner_tags`. Anything else is in columns, as at CoNLL: a word a line, then its label in the last column,
/// blank lines between sentences; columns stand apart by tabs or, in lines without one, by spaces. Lines that start with
/// `-DOCSTART-` are left out. `.gz`, `.zst` and `.zstd` are decompressed.
///
/// # Errors
/// [`DataError::MissingColumn`] for Parquet without words, and what [`crate::source::read_records`] says. The iterator's
/// items may be [`DataError::InvalidRecord`] for one sentence, and [`DataError::TooLong`] for one of more than a MiB.
pub fn words(path: &Path) -> Result<LabelledRecords<LabelledWords>, DataError> {
    let input = Input::open(path)?;
    if let Some("jsonl" | "ndjson" | "json" | "parquet") = input.inner_extension.as_deref() {
        let names = [&[WORDS][..], &LABELS].concat();
        return parsed(path, (&names, &[WORDS]), |record| of_record(&record));
    }
    Ok(Box::new(Sentences {
        path: path.to_owned(),
        lines: Lines::new(path, input),
    }))
}

fn of_record(record: &Fields<'_>) -> Result<LabelledWords, String> {
    let words = record.texts(WORDS)?;
    if words.is_empty() {
        return Err("no words".to_owned());
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err("a word holds a NUL character".to_owned());
    }
    let field = record.first_of(&LABELS);
    let field = field.ok_or_else(|| format!("no labels: none of {}", LABELS.join(", ")))?;
    let labels = record.value(field).as_array();
    let labels = labels.ok_or_else(|| format!("\"{field}\" is no list"))?;
    if labels.len() != words.len() {
        return Err(format!("{} labels for {} words", labels.len(), words.len()));
    }
    let label = |value| class_name(value).ok_or_else(|| unlabelled(field, value));
    let labels = labels.iter().map(label).collect::<Result<_, String>>()?;
    Ok(LabelledWords { words, labels })
}

/// The sentences of a file in columns.
struct Sentences {
    path: PathBuf,
    lines: Lines,
}

impl Iterator for Sentences {
    type Item = Result<LabelledWords, DataError>;

    /// Of a sentence with errors the first one; the rest of it is left out.
    fn next(&mut self) -> Option<Self::Item> {
        let mut sentence = Ok(LabelledWords::default());
        let mut num_bytes = 0;
        while let Some(line) = self.lines.next_line() {
            let line = match line {
                Ok(line) if !is_between_sentences(line.text) => line,
                Ok(_) if is_empty(&sentence) => continue,
                Ok(_) => break,
                Err(error) if is_of_one_record(&error) => {
                    sentence = sentence.and(Err(error));
                    continue;
                }
                Err(error) => return Some(Err(error)),
            };
            num_bytes += line.text.len();
            if let Ok(words) = &mut sentence
                && let Err(error) = words.push(&line, num_bytes, &self.path)
            {
                sentence = Err(error);
            }
        }
        (!is_empty(&sentence)).then_some(sentence)
    }
}

fn is_between_sentences(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with(DOCUMENT_START)
}

fn is_empty(sentence: &Result<LabelledWords, DataError>) -> bool {
    sentence
        .as_ref()
        .is_ok_and(|sentence| sentence.words.is_empty())
}

impl LabelledWords {
    /// Appends the word of a line, up to which the sentence has `num_bytes`.
    fn push(&mut self, line: &Line<'_>, num_bytes: usize, path: &Path) -> Result<(), DataError> {
        if num_bytes > BLOCK_BYTES {
            return Err(DataError::TooLong {
                path: path.to_owned(),
                line: line.number,
                limit: BLOCK_BYTES,
            });
        }
        let (word, label) = columns(line.text).ok_or_else(|| DataError::InvalidRecord {
            path: path.to_owned(),
            line: line.number,
            reason: "expected a word and its label, with a tab or a space between".to_owned(),
        })?;
        self.words.push(word.to_owned());
        self.labels.push(label.to_owned());
        Ok(())
    }
}

/// The first and the last column of a line with at least two.
fn columns(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_end_matches([' ', '\t']);
    let separator = if line.contains('\t') { '\t' } else { ' ' };
    let (word, rest) = line.split_once(separator)?;
    let label = rest.rsplit(separator).next()?.trim();
    (!word.is_empty() && !label.is_empty()).then_some((word, label))
}
