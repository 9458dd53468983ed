//! Extractive question answering: a question with a stretch of its context, in which the answer is to be found (Devlin
//! et al. 2019, section 4.2; ELECTRA fine-tunes on the same rows).
//!
//! A context too long for a row is read through several windows, each `doc_stride` tokens behind the last one. A token
//! seen through several counts in the one where it has the most context on its poorer side.

use std::ops::Range;

use crate::DataError;
use crate::tokenizer::{OffsetEncoding, Tokenizer};

/// `[CLS]`, and `[SEP]` behind question and context.
const NUM_SPECIAL: usize = 3;

/// How rows are made of questions and contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSettings {
    /// Tokens of a row, special ones included.
    pub max_length: usize,
    /// Tokens of a question; what it has more is cut off.
    pub max_question_length: usize,
    /// Tokens from the start of one window to that of the next.
    pub doc_stride: usize,
}

impl Default for WindowSettings {
    /// The published settings.
    fn default() -> Self {
        Self {
            max_length: 512,
            max_question_length: 64,
            doc_stride: 128,
        }
    }
}

/// A question about a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// What is asked.
    pub question: &'a str,
    /// Where the answer is to be found.
    pub context: &'a str,
    /// The characters of the context (not bytes) that are the answer; none where it is not known or there is none.
    pub answer: Option<Range<usize>>,
}

/// One row: `[CLS] question [SEP] context [SEP]`, not padded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// `[tokens]`
    pub ids: Vec<u32>,
    /// 0 up to the first `[SEP]`, then 1, `[tokens]`.
    pub token_type_ids: Vec<u32>,
    /// Which of the context's tokens the window shows.
    pub context: Range<usize>,
    /// Place in `ids` of the first of them.
    pub context_start: usize,
    /// The characters of the context that each of them came from, `[context tokens]`.
    pub offsets: Vec<(usize, usize)>,
    /// Whether this window is the one in which each of them counts, `[context tokens]`.
    pub is_max_context: Vec<bool>,
    /// Places in `ids` of the answer's first and last token; both 0, the place of `[CLS]`, when the window does not show
    /// all of it.
    pub answer: (usize, usize),
}

impl WindowSettings {
    /// Checks that a row has room for a question and more.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for a length or a stride of 0, and for rows that a question can fill.
    pub fn validate(&self) -> Result<(), DataError> {
        let invalid = |key, value: usize, expected| {
            Err(DataError::InvalidSetting {
                key,
                value: value.to_string(),
                expected,
            })
        };
        if self.max_question_length == 0 {
            return invalid("max_question_length", 0, "at least 1");
        }
        if self.doc_stride == 0 {
            return invalid("doc_stride", 0, "at least 1");
        }
        if self.max_length.saturating_sub(NUM_SPECIAL) <= self.max_question_length {
            return invalid(
                "max_length",
                self.max_length,
                "max_question_length and at least 4",
            );
        }
        Ok(())
    }

    /// The windows of a question, in order; none for a context without tokens.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] as [`Self::validate`], [`DataError::MissingSpecialToken`] when the tokenizer has no
    /// `[CLS]` or `[SEP]`, [`DataError::Tokenization`] if it fails.
    pub fn windows(
        &self,
        question: &Question<'_>,
        tokenizer: &Tokenizer,
    ) -> Result<Vec<Window>, DataError> {
        self.validate()?;
        let required = |id: Option<u32>, token| id.ok_or(DataError::MissingSpecialToken { token });
        let cls = required(tokenizer.special().cls, "[CLS]")?;
        let sep = required(tokenizer.special().sep, "[SEP]")?;
        let mut front = vec![cls];
        front.extend(tokenizer.encode_ordinary(question.question)?);
        front.truncate(self.max_question_length + 1);
        front.push(sep);

        let context = ordinary(tokenizer.encode_with_offsets(question.context)?, cls, sep);
        let answer = question.answer.as_ref();
        let answer = answer.and_then(|answer| tokens_of(answer, &context.offsets));
        let room = self.max_length - front.len() - 1;
        let spans = spans(context.ids.len(), room, self.doc_stride);
        let max_context = max_context(context.ids.len(), &spans);
        let windows = spans.into_iter().enumerate().map(|(index, span)| {
            let best = max_context[span.clone()].iter();
            let is_max_context = best.map(|&best| best == index).collect();
            let answer = answer
                .as_ref()
                .and_then(|answer| place(answer, &span, front.len()));
            Window {
                ids: [&front[..], &context.ids[span.clone()], &[sep]].concat(),
                token_type_ids: [vec![0; front.len()], vec![1; span.len() + 1]].concat(),
                context_start: front.len(),
                offsets: context.offsets[span.clone()].to_vec(),
                is_max_context,
                answer: answer.unwrap_or((0, 0)),
                context: span,
            }
        });
        Ok(windows.collect())
    }
}

impl Window {
    /// The text from one place in `ids` to another, both included; none unless both are places of the context, in order.
    pub fn text<'a>(&self, context: &'a str, first: usize, last: usize) -> Option<&'a str> {
        let offsets = |place: usize| {
            let token = place.checked_sub(self.context_start)?;
            self.offsets.get(token).copied()
        };
        let (start, end) = (offsets(first)?.0, offsets(last)?.1);
        let byte = |character: usize| {
            let starts = context.char_indices().map(|(byte, _)| byte);
            starts.chain([context.len()]).nth(character)
        };
        context.get(byte(start)?..byte(end)?)
    }
}

/// Without the special tokens that were added round the text; those have no characters of their own.
fn ordinary(mut encoding: OffsetEncoding, cls: u32, sep: u32) -> OffsetEncoding {
    let OffsetEncoding { ids, offsets } = &mut encoding;
    if ids.last() == Some(&sep) && offsets.last() == Some(&(0, 0)) {
        ids.pop();
        offsets.pop();
    }
    if ids.first() == Some(&cls) && offsets.first() == Some(&(0, 0)) {
        ids.remove(0);
        offsets.remove(0);
    }
    encoding
}

/// The tokens that a range of characters touches.
fn tokens_of(characters: &Range<usize>, offsets: &[(usize, usize)]) -> Option<Range<usize>> {
    let touches =
        |&(start, end): &(usize, usize)| start.max(characters.start) < end.min(characters.end);
    let first = offsets.iter().position(touches)?;
    let last = offsets.iter().rposition(touches)?;
    Some(first..last + 1)
}

/// The windows over `num_tokens` tokens, `room` at a time.
fn spans(num_tokens: usize, room: usize, stride: usize) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut start = 0;
    while start < num_tokens {
        let end = num_tokens.min(start.saturating_add(room));
        spans.push(start..end);
        if end == num_tokens {
            break;
        }
        start += stride.min(room);
    }
    spans
}

/// For each token the window in which it counts: the one with the most context on the token's poorer side, a longer
/// window counting for a hundredth of a token more, of equals the first.
fn max_context(num_tokens: usize, spans: &[Range<usize>]) -> Vec<usize> {
    let mut best = vec![(0, 0); num_tokens];
    for (index, span) in spans.iter().enumerate() {
        for token in span.clone() {
            let poorer_side = (token - span.start).min(span.end - 1 - token);
            let score = 100 * poorer_side + span.len();
            if score > best[token].0 {
                best[token] = (score, index);
            }
        }
    }
    best.into_iter().map(|(_, index)| index).collect()
}

/// Where a row has the first and the last of the tokens `answer`, if its window shows them all.
fn place(
    answer: &Range<usize>,
    span: &Range<usize>,
    context_start: usize,
) -> Option<(usize, usize)> {
    let is_shown = span.start <= answer.start && answer.end <= span.end;
    let place = |token: usize| context_start + token - span.start;
    is_shown.then(|| (place(answer.start), place(answer.end - 1)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
