//! Answers that are pieces of a text, read off the logits of its windows.

use burn::tensor::TensorReadError;
use lamplight_data::loader::QuestionWindow;
use lamplight_data::objective::question_answering::Window;
use lamplight_data::source::labelled::AskedQuestion;
use lamplight_electra::{FoundAnswers, ScoredSpan};
use lamplight_layers::span::SpanLogits;

use super::defined;
use super::metrics::squad::{SquadV2Answer, squad_v2};
use super::metrics::{Metric, Paired, Predictions, answer_scores};

/// Tokens of an answer at most (Devlin et al. 2019 and ELECTRA's code).
const MAX_ANSWER_LENGTH: usize = 30;

/// Above this margin there is no answer: it is the likelier.
const NO_ANSWER_THRESHOLD: f64 = 0.0;

/// Questions with the windows through which their contexts are read.
#[derive(Debug)]
pub struct HeldOutQuestions {
    /// The questions.
    pub questions: Vec<AskedQuestion>,
    /// The windows of each, one behind the other.
    pub windows: Vec<QuestionWindow>,
}

/// What a head says of a window.
#[derive(Debug)]
pub enum WindowScores {
    /// Logits of each token, and of the padding behind them. The score of a span is the sum of two, that of there being no
    /// answer the sum at `[CLS]`.
    Tokens {
        /// That the answer starts there.
        start: Vec<f32>,
        /// That the answer ends there.
        end: Vec<f32>,
    },
    /// Some spans, each with its log-probability for its score.
    Beam(FoundAnswers),
}

impl WindowScores {
    /// Each row's.
    ///
    /// # Errors
    /// The device cannot be read.
    pub fn of_spans(logits: SpanLogits) -> Result<Vec<Self>, TensorReadError> {
        let [_, length] = logits.start.dims();
        let starts: Vec<f32> = logits.start.try_into_vec_as()?;
        let ends: Vec<f32> = logits.end.try_into_vec_as()?;
        let rows = starts.chunks(length).zip(ends.chunks(length));
        let of_row = |(start, end): (&[f32], &[f32])| Self::Tokens {
            start: start.to_vec(),
            end: end.to_vec(),
        };
        Ok(rows.map(of_row).collect())
    }
}

/// The best answer to a question so far.
#[derive(Debug, Default)]
struct Best<'a> {
    text: &'a str,
    /// The answer's.
    score: Option<f32>,
    /// The least that a window has for there being no answer.
    no_answer: Option<f32>,
    /// The least that a window has for the question being impossible.
    impossible: Option<f32>,
}

impl HeldOutQuestions {
    /// The scores of SQuAD v1.1, or of v2.0 where a question is impossible, given what the head says of
    /// the first windows. Questions with a window beyond those are left out.
    pub fn scores(&self, said: &[WindowScores]) -> Vec<(String, f64)> {
        let best = self.best(said);
        let answers = self.questions.iter().zip(&best);
        if self.may_be_impossible() {
            let answers: Vec<SquadV2Answer> = answers
                .map(|(question, best)| SquadV2Answer {
                    prediction: best.text.to_owned(),
                    references: references(question),
                    no_answer_probability: best.no_answer_margin(),
                })
                .collect();
            let scores = squad_v2(&answers, NO_ANSWER_THRESHOLD);
            return scores.map_or_else(|_| Vec::new(), |scores| answer_scores(&scores));
        }
        let (predictions, references): (Vec<String>, Vec<Vec<String>>) = answers
            .map(|(question, best)| (best.text.to_owned(), references(question)))
            .unzip();
        let texts = Paired {
            predictions: &predictions,
            references: &references,
        };
        defined(&Predictions::Texts(texts), Metric::Squad)
    }

    /// The answers to the same questions; an empty one where a question may be impossible and the head
    /// finds that likelier.
    pub fn answers(&self, said: &[WindowScores]) -> Vec<String> {
        let may_be_impossible = self.may_be_impossible();
        let is_impossible =
            |best: &Best<'_>| may_be_impossible && best.no_answer_margin() > NO_ANSWER_THRESHOLD;
        let best = self.best(said);
        let answers = best.iter().map(|best| match is_impossible(best) {
            true => "",
            false => best.text,
        });
        answers.map(str::to_owned).collect()
    }

    fn may_be_impossible(&self) -> bool {
        self.questions.iter().any(|question| question.is_impossible)
    }

    fn best(&self, said: &[WindowScores]) -> Vec<Best<'_>> {
        let mut best: Vec<Best<'_>> = self.questions.iter().map(|_| Best::default()).collect();
        for (window, scores) in self.windows.iter().zip(said) {
            let context = &self.questions[window.question].context;
            best[window.question].read(&window.window, scores, context);
        }
        let beyond = self.windows.get(said.len());
        best.truncate(beyond.map_or(self.questions.len(), |window| window.question));
        best
    }
}

impl<'a> Best<'a> {
    /// Takes the best span of a window.
    fn read(&mut self, window: &Window, scores: &WindowScores, context: &'a str) {
        match scores {
            WindowScores::Tokens { start, end } => {
                lower(&mut self.no_answer, start[0] + end[0]);
                let context_end = window.context_start + window.offsets.len();
                let starts = start.iter().enumerate().take(context_end);
                for (first, start) in starts.skip(window.context_start) {
                    let ends = end.iter().enumerate().take(context_end).skip(first);
                    for (last, end) in ends.take(MAX_ANSWER_LENGTH) {
                        let span = ScoredSpan {
                            first,
                            last,
                            log_prob: start + end,
                        };
                        self.offer(window, span, context);
                    }
                }
            }
            WindowScores::Beam(found) => {
                lower(&mut self.no_answer, found.no_start_log_prob);
                if let Some(logit) = found.impossible {
                    lower(&mut self.impossible, logit);
                }
                let spans = found.spans.iter();
                spans.for_each(|span| self.offer(window, *span, context));
            }
        }
    }

    /// Takes a span if it is better: within the context, of at most [`MAX_ANSWER_LENGTH`] tokens, from a token that counts
    /// in this window.
    fn offer(&mut self, window: &Window, span: ScoredSpan, context: &'a str) {
        let place = span.first.checked_sub(window.context_start);
        let counts = place.and_then(|place| window.is_max_context.get(place));
        let is_worse = self.score.is_some_and(|best| span.log_prob <= best);
        if is_worse || counts != Some(&true) || span.last - span.first >= MAX_ANSWER_LENGTH {
            return;
        }
        if let Some(text) = window.text(context, span.first, span.last) {
            (self.text, self.score) = (text, Some(span.log_prob));
        }
    }

    /// How much likelier the head finds that there is no answer, or what it says of that by itself.
    fn no_answer_margin(&self) -> f64 {
        let (no_answer, answer) = (self.no_answer.unwrap_or(0.0), self.score.unwrap_or(0.0));
        self.impossible.unwrap_or(no_answer - answer).into()
    }
}

fn lower(least: &mut Option<f32>, value: f32) {
    *least = Some(least.map_or(value, |least| least.min(value)));
}

fn references(question: &AskedQuestion) -> Vec<String> {
    let answers = question.answers.iter();
    answers.map(|answer| answer.text.clone()).collect()
}

#[cfg(test)]
mod tests;
