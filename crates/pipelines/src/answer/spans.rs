//! From scores to answers, as the question-answering pipeline of transformers 4 does it.

use std::ops::Range;

use lamplight_data::objective::question_answering::Window;
use lamplight_electra::FoundAnswers;

use super::model::WindowScores;
use super::{Answer, AnswerSettings, NoAnswer};
use crate::characters::Characters;
use crate::scores::{sigmoid, softmax};

/// What a model says of a window.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub window: &'a Window,
    pub said: &'a WindowScores,
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
    settings: &'a AnswerSettings,
    text: &'a Characters<'a>,
    answers: Vec<Answer>,
    /// The least probability that a window has for there being no answer.
    no_answer: f32,
    /// The least logit or log-probability of that.
    no_answer_logit: f32,
    /// The largest logit or log-probability of an answer; nothing that a classifier's logit is compared with.
    best_logit: Option<f32>,
}

impl<'a> SpanSearch<'a> {
    pub fn new(settings: &'a AnswerSettings, text: &'a Characters<'a>) -> Self {
        Self {
            settings,
            text,
            answers: Vec::new(),
            // A context without tokens leaves nothing but `[CLS]`.
            no_answer: 1.0,
            no_answer_logit: f32::INFINITY,
            best_logit: None,
        }
    }

    /// Adds the answers of a window. One that was found already, in upper or lower case, gains in
    /// score instead.
    pub fn add(&mut self, found: &Found<'_>) {
        let spans = match found.said {
            WindowScores::Tokens { start, end } => self.of_tokens(found.window, start, end),
            WindowScores::Beam(answers) => self.of_beam(found.window, answers),
        };
        for span in spans {
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
        let no_answer = Answer {
            text: String::new(),
            characters: 0..0,
            score: self.no_answer,
        };
        if self.settings.no_answer == NoAnswer::Ranked {
            self.answers.push(no_answer.clone());
        }
        self.answers
            .sort_by(|one, other| other.score.total_cmp(&one.score));
        match self.settings.no_answer {
            NoAnswer::Above(threshold) if self.margin() > threshold => {
                self.answers.insert(0, no_answer);
            }
            _ => {}
        }
        self.answers.truncate(self.settings.top_k);
        self.answers
    }

    /// How much likelier it is that there is no answer.
    fn margin(&self) -> f32 {
        self.no_answer_logit - self.best_logit.unwrap_or(0.0)
    }

    /// The likeliest spans where each token says for itself whether it is a first or last one.
    fn of_tokens(&mut self, window: &Window, start: &[f32], end: &[f32]) -> Vec<Span> {
        let ([no_start, starts @ ..], [no_end, ends @ ..]) =
            (&*probabilities(window, start), &*probabilities(window, end))
        else {
            return Vec::new();
        };
        self.no_answer = self.no_answer.min(no_start * no_end);
        self.no_answer_logit = self.no_answer_logit.min(start[0] + end[0]);
        let mut spans = Likeliest::of(self.settings);
        for (first, &start) in starts.iter().enumerate() {
            let ends = ends.iter().enumerate().skip(first);
            for (last, &end) in ends.take(self.settings.max_answer_length) {
                spans.offer(first..last + 1, f64::from(start * end));
            }
        }
        if let Some(best) = spans.spans.first() {
            let [first, last] =
                [best.tokens.start, best.tokens.end - 1].map(|token| window.context_start + token);
            self.raise(start[first] + end[last]);
        }
        spans.spans
    }

    /// The likeliest spans of a beam.
    fn of_beam(&mut self, window: &Window, found: &FoundAnswers) -> Vec<Span> {
        let no_answer = found
            .impossible
            .map_or(found.no_start_log_prob.exp(), sigmoid);
        self.no_answer = self.no_answer.min(no_answer);
        let logit = found.impossible.unwrap_or(found.no_start_log_prob);
        self.no_answer_logit = self.no_answer_logit.min(logit);
        let mut spans = Likeliest::of(self.settings);
        for span in &found.spans {
            let Some(first) = span.first.checked_sub(window.context_start) else {
                continue;
            };
            let tokens = first..span.last + 1 - window.context_start;
            let is_short = tokens.len() <= self.settings.max_answer_length;
            if is_short && tokens.end <= window.offsets.len() {
                spans.offer(tokens, f64::from(span.log_prob).exp());
                if found.impossible.is_none() {
                    self.raise(span.log_prob);
                }
            }
        }
        spans.spans
    }

    fn raise(&mut self, logit: f32) {
        self.best_logit = Some(self.best_logit.map_or(logit, |best| best.max(logit)));
    }
}

/// The best spans of those offered: more than are wanted, since several may lie in the same words.
struct Likeliest {
    spans: Vec<Span>,
    num: usize,
}

impl Likeliest {
    fn of(settings: &AnswerSettings) -> Self {
        Self {
            spans: Vec::new(),
            num: settings.top_k.saturating_mul(2).saturating_add(10),
        }
    }

    fn offer(&mut self, tokens: Range<usize>, score: f64) {
        let is_full = self.spans.len() == self.num;
        if is_full && self.spans.last().is_some_and(|worst| score <= worst.score) {
            return;
        }
        let place = self.spans.partition_point(|better| better.score >= score);
        self.spans.insert(place, Span { tokens, score });
        self.spans.truncate(self.num);
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
