//! Questions as windows over their contexts.

use super::{AnswerTarget, Labelled};
use crate::DataError;
use crate::loader::encoding::encoded;
use crate::objective::question_answering::{Question, Window, WindowSettings};
use crate::source::labelled::AskedQuestion;
use crate::tokenizer::{EncodedRow, Tokenizer};

/// Makes rows of questions, on all cores. `progress` hears of each chunk how many questions and tokens it had.
#[derive(Clone, Copy, Debug)]
pub struct QuestionEncoder<'a> {
    /// Makes ids of text.
    pub tokenizer: &'a Tokenizer,
    /// How a context is read through windows.
    pub settings: WindowSettings,
}

/// A window with the question that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionWindow {
    /// Place of the question among those that were encoded.
    pub question: usize,
    /// A part of its context.
    pub window: Window,
}

impl QuestionEncoder<'_> {
    /// The windows of all questions, in order, to read answers off. A question whose context has no tokens has none.
    ///
    /// # Errors
    /// As [`WindowSettings::windows`].
    pub fn windows(
        &self,
        questions: &[AskedQuestion],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<QuestionWindow>, DataError> {
        let windows = encoded(questions, progress, |question| self.windows_of(question))?;
        let windows = windows.into_iter().enumerate();
        Ok(windows
            .flat_map(|(question, windows)| {
                let windows = windows.into_iter();
                windows.map(move |window| QuestionWindow { question, window })
            })
            .collect())
    }

    /// The windows of all questions as examples to train on, each with the places of the first answer's first and last
    /// token, both 0 where it does not show all of that.
    ///
    /// # Errors
    /// As [`WindowSettings::windows`].
    pub fn examples(
        &self,
        questions: &[AskedQuestion],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<Labelled<AnswerTarget>>, DataError> {
        let examples = encoded(questions, progress, |question| {
            let (windows, num_tokens) = self.windows_of(question)?;
            let is_impossible = question.is_impossible;
            let examples = windows.into_iter();
            let examples = examples.map(|window| Labelled::of_window(window, is_impossible));
            Ok((examples.collect::<Vec<_>>(), num_tokens))
        })?;
        Ok(examples.into_iter().flatten().collect())
    }

    /// The windows of a question, and their tokens.
    fn windows_of(&self, question: &AskedQuestion) -> Result<(Vec<Window>, usize), DataError> {
        let answer = question.answers.first().map(|answer| {
            let num_characters = answer.text.chars().count();
            answer.start..answer.start + num_characters
        });
        let question = Question {
            question: &question.question,
            context: &question.context,
            answer,
        };
        let windows = self.settings.windows(&question, self.tokenizer)?;
        let num_tokens = windows.iter().map(|window| window.ids.len()).sum();
        Ok((windows, num_tokens))
    }
}

impl Labelled<AnswerTarget> {
    /// A window of a question as an example, `is_impossible` if the question has no answer at all.
    pub fn of_window(window: Window, is_impossible: bool) -> Self {
        let (first, last) = window.answer;
        Self {
            target: AnswerTarget {
                first,
                last,
                is_impossible,
            },
            rows: vec![EncodedRow {
                ids: window.ids,
                token_type_ids: window.token_type_ids,
            }],
        }
    }
}
