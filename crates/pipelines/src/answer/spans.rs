//! From logits to answers, as the question-answering pipeline of transformers 4 does it.

use std::ops::Range;

use lamplight_data::objective::question_answering::Window;

use super::{Answer, AnswerSettings};
use crate::characters::Characters;
use crate::scores::softmax;

/// What a model says of a window.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub window: &'a Window,
    /// Logits `[tokens]`, perhaps with padding behind.
    pub start: &'a [f32],
    /// Logits `[tokens]`, perhaps with padding behind.
    pub end: &'a [f32],
    /// Whether a token goes on with the word of the one before, `[context tokens]`.
    pub continues: &'a [bool],
}

/// A stretch of a window's context tokens with its score.
#[derive(Debug, Clone, PartialEq)]
struct Span {
    tokens: Range<usize>,
    score: f64,
}

/// The answers so far.
#[derive(Debug)]
pub(super) struct SpanSearch<'a> {
    pub settings: &'a AnswerSettings,
    pub text: &'a Characters<'a>,
    pub answers: Vec<Answer>,
    /// The least probability of `[CLS]` as first and as last token.
    pub no_answer: f32,
}

impl SpanSearch<'_> {
    /// Adds the answers of a window. One that was found already, in upper or lower case, gains in
    /// score instead.
    pub fn add(&mut self, found: &Found<'_>) {
        let ([no_start, start @ ..], [no_end, end @ ..]) = (
            &*probabilities(found.window, found.start),
            &*probabilities(found.window, found.end),
        ) else {
            return;
        };
        self.no_answer = self.no_answer.min(no_start * no_end);
        for span in self.spans(start, end) {
            let tokens = whole_words(span.tokens, found.continues);
            let offsets = &found.window.offsets[tokens];
            let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
                continue;
            };
            let characters = first.0..last.1;
            let text = self.text.slice(characters.clone());
            let mut known = self.answers.iter_mut();
            match known.find(|known| known.text.to_lowercase() == text.to_lowercase()) {
                Some(known) => known.score += span.score as f32,
                None => self.answers.push(Answer {
                    text: text.to_owned(),
                    characters,
                    score: span.score as f32,
                }),
            }
        }
    }

    /// The best of all.
    pub fn finish(mut self) -> Vec<Answer> {
        if self.settings.allows_no_answer {
            self.answers.push(Answer {
                text: String::new(),
                characters: 0..0,
                score: self.no_answer,
            });
        }
        self.answers
            .sort_by(|one, other| other.score.total_cmp(&one.score));
        self.answers.truncate(self.settings.top_k);
        self.answers
    }

    /// The likeliest spans: more than are wanted, since several may lie in the same words.
    fn spans(&self, start: &[f32], end: &[f32]) -> Vec<Span> {
        let num = self.settings.top_k.saturating_mul(2).saturating_add(10);
        let mut spans: Vec<Span> = Vec::new();
        for (first, &start) in start.iter().enumerate() {
            let ends = end.iter().enumerate().skip(first);
            for (last, &end) in ends.take(self.settings.max_answer_length) {
                let score = f64::from(start * end);
                let is_full = spans.len() == num;
                if is_full && spans.last().is_some_and(|worst| score <= worst.score) {
                    continue;
                }
                let place = spans.partition_point(|better| better.score >= score);
                let tokens = first..last + 1;
                spans.insert(place, Span { tokens, score });
                spans.truncate(num);
            }
        }
        spans
    }
}

/// The probabilities of `[CLS]` and of the context's tokens, which alone share them.
fn probabilities(window: &Window, logits: &[f32]) -> Vec<f32> {
    let context = window.context_start..window.context_start + window.offsets.len();
    let logits = logits[..1].iter().chain(&logits[context]);
    softmax(&logits.copied().collect::<Vec<_>>())
}

/// The same stretch, from where its first word starts in the window to where its last one ends.
fn whole_words(tokens: Range<usize>, continues: &[bool]) -> Range<usize> {
    let Range { mut start, mut end } = tokens;
    while start > 0 && continues[start] {
        start -= 1;
    }
    while end < continues.len() && continues[end] {
        end += 1;
    }
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_grown_to_whole_words() {
        let continues = [false, true, true, false, true, false];
        assert_eq!(whole_words(1..2, &continues), 0..3);
        assert_eq!(whole_words(2..4, &continues), 0..5);
        assert_eq!(whole_words(5..6, &continues), 5..6);
        assert_eq!(whole_words(0..1, &[true, true]), 0..2);
    }
}
