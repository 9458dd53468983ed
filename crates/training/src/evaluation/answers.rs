//! Answers that are pieces of a text, read off the logits of its windows.

use lamplight_data::loader::QuestionWindow;
use lamplight_data::source::labelled::AskedQuestion;

use super::defined;
use super::metrics::squad::SquadV2Answer;
use super::metrics::{Metric, Paired, Predictions};

/// Tokens of an answer at most (Devlin et al. 2019 and ELECTRA's code).
const MAX_ANSWER_LENGTH: usize = 30;

/// Questions with the windows through which their contexts are read.
#[derive(Debug)]
pub struct HeldOutQuestions {
    /// The questions.
    pub questions: Vec<AskedQuestion>,
    /// The windows of each, one behind the other.
    pub windows: Vec<QuestionWindow>,
}

/// What the head says of the tokens of a window, and of the padding behind them.
#[derive(Debug)]
pub struct WindowLogits {
    /// Of each token, that the answer starts there.
    pub start: Vec<f32>,
    /// Of each token, that the answer ends there.
    pub end: Vec<f32>,
}

/// The best answer to a question so far.
#[derive(Debug, Default)]
struct Best<'a> {
    text: &'a str,
    /// The sum of the logits of start and end.
    score: Option<f32>,
    /// The least that a window says for there being no answer.
    no_answer: Option<f32>,
}

impl HeldOutQuestions {
    /// The scores of SQuAD v1.1, or of v2.0 where a question is impossible, given what the head says of
    /// the first windows. Questions with a window beyond those are left out.
    pub fn scores(&self, logits: &[WindowLogits]) -> Vec<(String, f64)> {
        let best = self.best(logits);
        let answers = self.questions.iter().zip(&best);
        if self.may_be_impossible() {
            let answers: Vec<SquadV2Answer> = answers
                .map(|(question, best)| SquadV2Answer {
                    prediction: best.text_if_any().to_owned(),
                    references: references(question),
                    no_answer_probability: best.no_answer_margin(),
                })
                .collect();
            return defined(&Predictions::Answers(&answers), Metric::SquadV2);
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
    pub fn answers(&self, logits: &[WindowLogits]) -> Vec<String> {
        let best = self.best(logits);
        let answers = best.iter().map(|best| match self.may_be_impossible() {
            true => best.text_if_any(),
            false => best.text,
        });
        answers.map(str::to_owned).collect()
    }

    fn may_be_impossible(&self) -> bool {
        self.questions.iter().any(|question| question.is_impossible)
    }

    fn best(&self, logits: &[WindowLogits]) -> Vec<Best<'_>> {
        let mut best: Vec<Best<'_>> = self.questions.iter().map(|_| Best::default()).collect();
        for (window, logits) in self.windows.iter().zip(logits) {
            let context = &self.questions[window.question].context;
            best[window.question].read(window, logits, context);
        }
        let beyond = self.windows.get(logits.len());
        best.truncate(beyond.map_or(self.questions.len(), |window| window.question));
        best
    }
}

impl<'a> Best<'a> {
    /// Takes the best span of a window: within the context, of at most [`MAX_ANSWER_LENGTH`] tokens,
    /// from a token that counts in this window.
    fn read(&mut self, window: &QuestionWindow, logits: &WindowLogits, context: &'a str) {
        let window = &window.window;
        let no_answer = logits.start[0] + logits.end[0];
        self.no_answer = Some(
            self.no_answer
                .map_or(no_answer, |least| least.min(no_answer)),
        );
        let places = window.context_start..window.context_start + window.offsets.len();
        for first in places
            .clone()
            .filter(|&place| window.is_max_context[place - places.start])
        {
            for last in first..places.end.min(first + MAX_ANSWER_LENGTH) {
                let score = logits.start[first] + logits.end[last];
                if self.score.is_some_and(|best| score <= best) {
                    continue;
                }
                if let Some(text) = window.text(context, first, last) {
                    (self.text, self.score) = (text, Some(score));
                }
            }
        }
    }

    /// How much likelier the head finds that there is no answer.
    fn no_answer_margin(&self) -> f64 {
        let (no_answer, answer) = (self.no_answer.unwrap_or(0.0), self.score.unwrap_or(0.0));
        f64::from(no_answer - answer)
    }

    /// The answer, or nothing where the head finds it likelier that there is none.
    fn text_if_any(&self) -> &'a str {
        if self.no_answer_margin() > 0.0 {
            ""
        } else {
            self.text
        }
    }
}

fn references(question: &AskedQuestion) -> Vec<String> {
    let answers = question.answers.iter();
    answers.map(|answer| answer.text.clone()).collect()
}
