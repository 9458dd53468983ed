//! Examples of two segments, as ELECTRA's published code builds them for pre-training (Clark et al. 2020; the rules are
//! BERT's without the next-sentence task).
//!
//! Whole sentences are gathered until they reach a target length, which is the row's except for one example in 20, then
//! dealt out to two segments of about half that length, except for one example in 10, which has one segment. What does
//! not fit a row by then, say the rest of a sentence longer than the row, is lost, as it is there.
//!
//! There a sentence is a line of the file. A tokenized document has no lines any more, so here it ends with the tokens
//! of `.`, `!` and `?`; a document without any is one sentence, of which only the first row's worth is seen. There the
//! target length carries over from document to document; here each document draws its own, so that its examples depend
//! on nothing else.

use rand::{Rng, RngExt};

use crate::DataError;
use crate::tokenizer::Tokenizer;

/// Fraction of the examples that have one segment.
const SINGLE_SEGMENT: f64 = 0.1;
/// Fraction of the examples with a random target length.
const RANDOM_LENGTH: f64 = 0.05;
/// The shortest of those lengths.
const MIN_LENGTH: u32 = 5;
/// `[CLS]` and `[SEP]` around one segment.
const SINGLE_FRAME: usize = 2;
/// `[CLS]`, and `[SEP]` behind each of two segments.
const PAIR_FRAME: usize = 3;

/// Where one example stands in its document, and what its segments turn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentPair {
    /// Its first token, counted from the document's start.
    pub start: u32,
    /// One past its last token.
    pub end: u32,
    /// The first segment takes sentences that leave it shorter than this; [`u32::MAX`] for one segment.
    pub first_length: u32,
    /// Whether the first segment takes one sentence more than that, if it is the first that does not fit.
    pub overfills: bool,
}

/// An example ready to be masked, not padded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    /// `[CLS] first [SEP]`, and `second [SEP]` unless it is empty, `[tokens]`.
    pub input_ids: Vec<u32>,
    /// 0 up to the first `[SEP]`, then 1, `[tokens]`.
    pub token_type_ids: Vec<u32>,
}

impl Segments {
    /// A sequence of one segment.
    pub fn single(input_ids: Vec<u32>) -> Self {
        Self {
            token_type_ids: vec![0; input_ids.len()],
            input_ids,
        }
    }
}

/// Builds the examples of rows of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentPairs {
    max_length: u32,
    cls: u32,
    sep: u32,
    sentence_ends: Vec<u32>,
}

impl SegmentPairs {
    /// For rows of `max_length` tokens, `[CLS]` and `[SEP]` included.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for rows of less than 5 tokens, [`DataError::MissingSpecialToken`] when the tokenizer
    /// has no `[CLS]` or `[SEP]`.
    pub fn new(tokenizer: &Tokenizer, max_length: usize) -> Result<Self, DataError> {
        let required = |id: Option<u32>, token| id.ok_or(DataError::MissingSpecialToken { token });
        Ok(Self {
            max_length: u32::try_from(max_length)
                .ok()
                .filter(|&length| length >= MIN_LENGTH)
                .ok_or_else(|| DataError::InvalidSetting {
                    key: "sequence_length",
                    value: max_length.to_string(),
                    expected: "from 5 to 4294967295 tokens for two segments",
                })?,
            cls: required(tokenizer.special().cls, "[CLS]")?,
            sep: required(tokenizer.special().sep, "[SEP]")?,
            sentence_ends: sentence_ends(tokenizer),
        })
    }

    /// The examples of one document, in order; together they cover it.
    ///
    /// # Errors
    /// [`DataError::DocumentTooLong`] for one of 2^32 tokens or more.
    pub fn examples(
        &self,
        document: &[u32],
        rng: &mut impl Rng,
    ) -> Result<Vec<SegmentPair>, DataError> {
        let num_tokens = u32::try_from(document.len()).map_err(|_| DataError::DocumentTooLong {
            tokens: document.len(),
        })?;
        let mut examples = Vec::new();
        let (mut start, mut end) = (0, 0);
        let mut target_length = self.target_length(rng);
        for sentence in self.sentences(document) {
            end += sentence.len() as u32;
            if end - start >= target_length || end == num_tokens {
                let is_single = rng.random_bool(SINGLE_SEGMENT);
                let half = (target_length - PAIR_FRAME as u32) / 2;
                examples.push(SegmentPair {
                    start,
                    end,
                    first_length: if is_single { u32::MAX } else { half },
                    overfills: rng.random_bool(0.5),
                });
                start = end;
                target_length = self.target_length(rng);
            }
        }
        Ok(examples)
    }

    fn target_length(&self, rng: &mut impl Rng) -> u32 {
        if rng.random_bool(RANDOM_LENGTH) {
            rng.random_range(MIN_LENGTH..=self.max_length)
        } else {
            self.max_length
        }
    }

    /// Lays an example out. `text` is the part of the document that it names.
    pub fn lay_out(&self, example: &SegmentPair, text: &[u32]) -> Segments {
        let max_length = self.max_length as usize;
        let (mut first, mut second) = self.deal(example, text);
        first.truncate(max_length - SINGLE_FRAME);
        second.truncate(max_length.saturating_sub(first.len() + PAIR_FRAME));

        let mut input_ids = Vec::with_capacity(first.len() + second.len() + PAIR_FRAME);
        input_ids.push(self.cls);
        input_ids.append(&mut first);
        input_ids.push(self.sep);
        let mut token_type_ids = vec![0; input_ids.len()];
        if !second.is_empty() {
            input_ids.append(&mut second);
            input_ids.push(self.sep);
            token_type_ids.resize(input_ids.len(), 1);
        }
        Segments {
            input_ids,
            token_type_ids,
        }
    }

    /// The sentences of each segment. A short sentence may still join the first when a longer one has gone to the second.
    fn deal(&self, example: &SegmentPair, text: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let first_length = example.first_length as usize;
        let (mut first, mut second) = (Vec::with_capacity(text.len()), Vec::new());
        for sentence in self.sentences(text) {
            let fits = first.len() + sentence.len() < first_length;
            let overfills = example.overfills && second.is_empty() && first.len() < first_length;
            if first.is_empty() || fits || overfills {
                first.extend_from_slice(sentence);
            } else {
                second.extend_from_slice(sentence);
            }
        }
        (first, second)
    }

    /// A sentence ends behind a run of the tokens that end one, so that an ellipsis is no sentences of its own.
    fn sentences<'a>(&self, text: &'a [u32]) -> impl Iterator<Item = &'a [u32]> {
        let ends = |token: &u32| self.sentence_ends.contains(token);
        text.chunk_by(move |token, next| !ends(token) || ends(next))
    }
}

/// The ids of all tokens of a vocabulary that are made of `.`, `!` and `?` alone, ascending.
pub fn sentence_ends(tokenizer: &Tokenizer) -> Vec<u32> {
    let ends_a_sentence = |id: &u32| {
        let Some(token) = tokenizer.token(*id) else {
            return false;
        };
        let text = token.trim_start_matches("##").trim_start_matches('▁');
        !text.is_empty() && text.chars().all(|symbol| matches!(symbol, '.' | '!' | '?'))
    };
    (0..tokenizer.vocab_size() as u32)
        .filter(ends_a_sentence)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
