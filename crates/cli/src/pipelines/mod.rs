//! `lamplight classify` and the other commands that ask a pipeline about texts.

pub mod answer;
pub mod classify;
pub mod detect;
pub mod embed;
pub mod fill_mask;
mod fill_spans;
mod marks;
pub mod rewrite;
pub mod tag;
mod zero_shot;

use std::io::{BufWriter, IsTerminal, StdoutLock, Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use burn::tensor::Device;
use lamplight_pipelines::PipelineError;
use lamplight_pipelines::explain::Explanation;
use serde::Serialize;

use crate::interrupt;
use crate::texts::TextArguments;
use crate::texts::explanations::Explanations;
use crate::texts::inputs::{Fields, Input, Inputs};
use crate::texts::lines::{in_a_line, write_record};
use crate::texts::model_folder;
use crate::texts::windows::{Tally, WindowSettings, exit_code, in_windows};

/// Bytes of text that are read before the first is answered, where a model reads each once.
const WINDOW_BYTES: usize = 1 << 15;
/// The same where each token of an answer takes a pass of its own.
const GENERATION_WINDOW_BYTES: usize = 1 << 13;

/// A pipeline, and how its answers are shown.
trait TextPipeline {
    /// The key of the answer in a record.
    const KEY: &'static str;
    /// What is said of a text.
    type Answer: Serialize;

    /// The answer to each input, after `num_before` others.
    fn answer(
        &self,
        inputs: &[&Input],
        num_before: usize,
    ) -> Result<Vec<Self::Answer>, PipelineError>;

    /// Why the best answer to an input is as it is, after `num_before` others; none where nothing explains it.
    fn explain(&self, _: &Input, _: usize) -> Result<Option<Explanation>, PipelineError> {
        Ok(None)
    }

    /// An answer as text.
    fn line(&self, input: &Input, answer: &Self::Answer) -> String;
}

/// What a command asks about.
struct Job<'a> {
    arguments: &'a TextArguments,
    fields: Fields<'a>,
    /// Stands before the progress: `tagging`.
    doing: &'static str,
    window_bytes: usize,
    is_json: bool,
    /// Where answers are explained.
    page: Option<&'a Path>,
}

impl<'a> Job<'a> {
    /// A job on texts that a model reads once.
    fn new(arguments: &'a TextArguments, doing: &'static str) -> Self {
        Self {
            arguments,
            fields: Fields::TEXT,
            doing,
            window_bytes: WINDOW_BYTES,
            is_json: arguments.json,
            page: None,
        }
    }

    /// Answers all texts by the pipeline that `load` makes.
    fn run<P: TextPipeline>(
        self,
        load: impl FnOnce(&Path, &Device) -> anyhow::Result<P>,
    ) -> anyhow::Result<ExitCode> {
        let model = &self.arguments.model;
        let explanations = self.page.map(Explanations::at).transpose()?;
        model_folder::check(model)?;
        let inputs = Inputs::open(self.arguments, self.fields)?;
        let pipeline = load(model, &self.arguments.device.open()?).map_err(explained)?;
        interrupt::listen()?;
        let asking = Asking {
            pipeline,
            out: BufWriter::new(stdout().lock()),
            is_json: self.is_json,
            explanations,
            num_read: 0,
            num_asked: 0,
        };
        self.answer_all(inputs, asking)
    }

    fn answer_all<P: TextPipeline>(
        &self,
        inputs: Inputs<'_>,
        mut asking: Asking<'_, P>,
    ) -> anyhow::Result<ExitCode> {
        let is_watched = inputs.are_typed || stdout().is_terminal();
        let doing = (!is_watched).then_some(self.doing);
        let mut tally = Tally::new(&["inputs"], inputs.total, doing);
        let settings = WindowSettings {
            size: match inputs.are_typed {
                true => 1,
                false => self.window_bytes,
            },
            size_of: |input: &Input| input.text.len(),
        };
        let inputs = inputs.map(|input| input.map_err(anyhow::Error::from));
        let result = in_windows(inputs, &settings, |window| {
            tally.timed(|tally| {
                asking.answer(window)?;
                tally.add([window.len() as u64]);
                Ok(())
            })
        });
        tally.finish();
        let written = asking.explanations.map_or(Ok(()), Explanations::write);
        result?;
        written?;
        Ok(exit_code())
    }
}

/// A run of the program.
struct Asking<'a, P> {
    pipeline: P,
    explanations: Option<Explanations<'a>>,
    /// Flushed after each window.
    out: BufWriter<StdoutLock<'static>>,
    is_json: bool,
    num_read: usize,
    /// Without blank ones.
    num_asked: usize,
}

impl<P: TextPipeline> Asking<'_, P> {
    /// Answers a window; up to the first text that cannot be answered, if there is one.
    fn answer(&mut self, window: &[Input]) -> anyhow::Result<()> {
        let is_asked = |place: &usize| !window[*place].is_blank();
        let asked: Vec<usize> = (0..window.len()).filter(is_asked).collect();
        let (answers, failure) = self.ask(window, &asked)?;
        let answered = &asked[..answers.len()];
        let mut answers = answers.into_iter();
        for input in window {
            let answer = (!input.is_blank()).then(|| answers.next());
            if let Some(None) = answer {
                break;
            }
            self.write(input, answer.flatten().as_ref())?;
        }
        self.out.flush()?;
        self.explain(answered.iter().map(|&place| &window[place]))?;
        self.num_read += window.len();
        self.num_asked += asked.len();
        failure.map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// Explains the answers that were just given.
    fn explain<'b>(&mut self, inputs: impl Iterator<Item = &'b Input>) -> anyhow::Result<()> {
        let Some(explanations) = &mut self.explanations else {
            return Ok(());
        };
        for (input, number) in inputs.zip(self.num_asked..) {
            explanations.add(number, || {
                let explanation = self.pipeline.explain(input, number)?;
                Ok(explanation.unwrap_or_default())
            })?;
        }
        Ok(())
    }

    /// The answers to the texts in these places, up to the first that cannot be answered, and why it cannot.
    fn ask(
        &self,
        window: &[Input],
        asked: &[usize],
    ) -> Result<(Vec<P::Answer>, Option<PipelineError>), PipelineError> {
        let inputs: Vec<&Input> = asked.iter().map(|&place| &window[place]).collect();
        if inputs.is_empty() {
            return Ok((Vec::new(), None));
        }
        let mut error = match self.pipeline.answer(&inputs, self.num_asked) {
            Ok(answers) => return Ok((answers, None)),
            Err(error) => error,
        };
        let Some(text) = text_of(&mut error) else {
            return Err(error);
        };
        let before = &inputs[..*text];
        // As people count.
        *text = self.num_read + asked[*text] + 1;
        let answers = match before {
            [] => Vec::new(),
            before => self.pipeline.answer(before, self.num_asked)?,
        };
        Ok((answers, Some(error)))
    }

    /// Writes an answer; nothing or an empty list where there is none.
    fn write(&mut self, input: &Input, answer: Option<&P::Answer>) -> std::io::Result<()> {
        match (self.is_json, answer) {
            (true, Some(answer)) => write_record(&mut self.out, input, P::KEY, answer),
            (true, None) => write_record(&mut self.out, input, P::KEY, &[(); 0]),
            (false, answer) => {
                let line = answer.map(|answer| in_a_line(&self.pipeline.line(input, answer)));
                writeln!(self.out, "{}", line.unwrap_or_default())
            }
        }
    }
}

/// Which text an error is about.
fn text_of(error: &mut PipelineError) -> Option<&mut usize> {
    match error {
        PipelineError::TooLong { text, .. }
        | PipelineError::NoBlank { text, .. }
        | PipelineError::NoTokens { text }
        | PipelineError::TokenType { text, .. } => Some(text),
        _ => None,
    }
}

/// The same error, with what to do about it.
fn explained(error: anyhow::Error) -> anyhow::Error {
    match error.downcast() {
        Ok(PipelineError::Tokenizer(error)) => model_folder::tokenizer_error(error),
        Ok(error) => error.into(),
        Err(error) => error,
    }
}

/// The texts themselves.
fn texts<'a>(inputs: &[&'a Input]) -> Vec<&'a str> {
    inputs.iter().map(|input| input.text.as_str()).collect()
}
