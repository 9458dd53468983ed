mod model;
mod spans;

use std::ops::Range;
use std::path::Path;

use burn::tensor::Device;
use lamplight_data::objective::question_answering::{Question, Window, WindowSettings};
use lamplight_data::tokenizer::EncodedRow;
use serde::Serialize;

use crate::PipelineError;
use crate::batches::{BatchSettings, in_batches};
use crate::characters::Characters;
use crate::model_folder::ModelFolder;
use crate::reader::Reader;
use model::{AnswerModel, WindowScores};
use spans::{Found, SpanSearch};

/// `[CLS]`, and `[SEP]` behind question and context.
const NUM_SPECIAL: usize = 3;

/// Finds the answers to questions in texts, as the question-answering pipeline of transformers 4 does (of which
/// version 5 has none any more); only the spans of score 0 with which that one fills up a short list are left out.
/// It reads both heads: `ElectraForQuestionAnswering`, and `ElectraForJointQuestionAnswering`, the one of ELECTRA's authors.
///
/// ```
/// use lamplight_pipelines::Answerer;
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testing/reference/pipelines_answer");
/// # let device = lamplight_testing::test_device();
/// let answerer = Answerer::from_pretrained(folder.as_ref(), &device)?;
/// let answers = answerer.answer(&[("Where lives Anna?", "Anna lives in Berlin.")])?;
/// println!("{} ({:.2})", answers[0][0].text, answers[0][0].score);
/// # Ok::<(), lamplight_pipelines::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Answerer {
    pub(crate) model: AnswerModel,
    pub(crate) reader: Reader,
    pub(crate) device: Device,
    settings: AnswerSettings,
}

/// How answers are looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerSettings {
    /// How many answers a question gets at most.
    pub top_k: usize,
    /// Tokens of an answer.
    pub max_answer_length: usize,
    /// Tokens of a row, special ones included, if the model reads as many.
    pub max_length: usize,
    /// Tokens of a question; what it has more is cut off.
    pub max_question_length: usize,
    /// Tokens that a window over a long context shares with the one before; at most half of
    /// `max_length`.
    pub overlap: usize,
    /// Whether there may be no answer.
    pub no_answer: NoAnswer,
}

/// Whether "there is no answer" is an answer: an empty text. Its score is the least of the windows' probabilities of
/// `[CLS]` or, of a head with a classifier for it, of that.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum NoAnswer {
    /// It is none.
    #[default]
    Never,
    /// One among the others, by its score.
    Ranked,
    /// The first where it is above this threshold, such as the `best_f1_thresh` of the training's scores, and none where
    /// it is not. What is compared is the classifier's logit or, without a classifier, how far the logits of `[CLS]` lie
    /// above those of the best answer (of the joint head, their log-probabilities).
    Above(f32),
}

impl Default for AnswerSettings {
    /// What the question-answering pipeline of transformers 4 does.
    fn default() -> Self {
        Self {
            top_k: 1,
            max_answer_length: 15,
            max_length: 384,
            max_question_length: 64,
            overlap: 128,
            no_answer: NoAnswer::Never,
        }
    }
}

/// A stretch of the context.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// As the context has it; empty where there is no answer.
    pub text: String,
    /// Where the context has it first, in characters; `0..0` where there is no answer.
    #[serde(flatten)]
    pub characters: Range<usize>,
    /// The probability of its first token times that of its last, added up over the places where
    /// the same text was found, so that it may pass 1.
    pub score: f32,
}

impl Answerer {
    /// Reads a question answering model with its tokenizer.
    ///
    /// # Errors
    /// The folder holds another model, or files are missing, damaged or do not belong together.
    pub fn from_pretrained(folder: &Path, device: &Device) -> Result<Self, PipelineError> {
        let found = ModelFolder::open(folder, "Answerer", &model::WANTED)?;
        Ok(Self {
            model: AnswerModel::from_pretrained(folder, found.architecture, device)?,
            reader: found.reader,
            device: device.clone(),
            settings: AnswerSettings::default(),
        })
    }

    /// How answers are looked for.
    ///
    /// # Errors
    /// [`PipelineError::InvalidSetting`] for no answers, answers without tokens or a threshold that is no number.
    pub fn with_settings(self, settings: AnswerSettings) -> Result<Self, PipelineError> {
        for (key, value) in [
            ("top_k", settings.top_k),
            ("max_answer_length", settings.max_answer_length),
        ] {
            if value == 0 {
                return Err(PipelineError::InvalidSetting {
                    key,
                    value: value.to_string(),
                    expected: "at least 1",
                });
            }
        }
        match settings.no_answer {
            NoAnswer::Above(threshold) if threshold.is_nan() => {
                Err(PipelineError::InvalidSetting {
                    key: "no_answer",
                    value: threshold.to_string(),
                    expected: "a threshold that is a number",
                })
            }
            _ => Ok(Self { settings, ..self }),
        }
    }

    /// The answers to each pair of question and context, best first; words are never cut. A context
    /// without tokens has none. A context longer than the model reads is read through windows.
    ///
    /// # Errors
    /// The settings leave no room for a context, or the tokenizer fails.
    pub fn answer<Q, C>(&self, questions: &[(Q, C)]) -> Result<Vec<Vec<Answer>>, PipelineError>
    where
        Q: AsRef<str>,
        C: AsRef<str>,
    {
        let windows = questions
            .iter()
            .map(|(question, context)| self.windows(question.as_ref(), context.as_ref()));
        let windows = windows.collect::<Result<Vec<_>, _>>()?;
        let rows = windows.iter().enumerate().flat_map(|(question, windows)| {
            let rows = windows.iter().map(row);
            rows.map(move |row| self.reader.checked(row, question))
        });
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let said = in_batches(&rows, BatchSettings::on(&self.device), |batch| {
            self.model.scores(batch.electra())
        })?;
        let mut said = said.into_iter();
        let answers = questions
            .iter()
            .zip(&windows)
            .map(|((_, context), windows)| {
                let characters = Characters::of(context.as_ref());
                self.best(windows.iter().zip(said.by_ref()), &characters)
            });
        Ok(answers.collect())
    }

    pub(crate) fn windows(
        &self,
        question: &str,
        context: &str,
    ) -> Result<Vec<Window>, PipelineError> {
        let settings = &self.settings;
        let max_length = settings.max_length.min(self.reader.max_length);
        // Half of a row at most, so that there is room for a context.
        let max_question_length = settings.max_question_length.min(max_length / 2);
        let num_tokens = self.reader.tokenizer.encode_ordinary(question)?.len();
        let room = max_length.saturating_sub(num_tokens.min(max_question_length) + NUM_SPECIAL);
        let overlap = settings.overlap.min(max_length / 2);
        let windows = WindowSettings {
            max_length,
            max_question_length,
            doc_stride: room.saturating_sub(overlap).max(1),
        };
        let question = Question {
            question,
            context,
            answer: None,
        };
        Ok(windows.windows(&question, &self.reader.tokenizer)?)
    }

    /// The best answers over all windows of a context.
    fn best<'a>(
        &self,
        windows: impl Iterator<Item = (&'a Window, WindowScores)>,
        text: &Characters<'_>,
    ) -> Vec<Answer> {
        let mut search = SpanSearch::new(&self.settings, text);
        for (window, said) in windows {
            let continues = |token: usize| {
                let id = window.ids[window.context_start + token];
                let piece = self.reader.tokenizer.token(id).unwrap_or_default();
                piece.starts_with("##")
            };
            let continues: Vec<_> = (0..window.offsets.len()).map(continues).collect();
            search.add(&Found {
                window,
                said: &said,
                continues: &continues,
            });
        }
        search.finish()
    }
}

pub(crate) fn row(window: &Window) -> EncodedRow {
    EncodedRow {
        ids: window.ids.clone(),
        token_type_ids: window.token_type_ids.clone(),
    }
}
