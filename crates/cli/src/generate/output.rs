//! Answers on stdout.

use std::io::{self, StdoutLock, Write, stdout};

use lamplight_t5::{FinishReason, GeneratedSequence};
use serde::Serialize;

use crate::texts::inputs::Input;
use crate::texts::lines::{in_a_line, write_record};

/// An answer to an input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    finish_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_scores: Option<Vec<f32>>,
    /// How many ids there are, shown or not.
    #[serde(skip)]
    pub num_ids: usize,
}

impl Answer {
    /// A sequence that says `text`; with the ids and their scores if `with_ids`.
    pub fn new(text: String, sequence: GeneratedSequence, with_ids: bool) -> Self {
        Self {
            text,
            score: sequence.score,
            finish_reason: match sequence.finish_reason {
                FinishReason::EndOfText => "end_of_text",
                FinishReason::MaxLength => "max_length",
                FinishReason::Stopped => "stopped",
            },
            num_ids: sequence.ids.len(),
            ids: with_ids.then_some(sequence.ids),
            token_scores: sequence.token_scores.filter(|_| with_ids),
        }
    }
}

/// Writes answers in lines.
pub struct Writer {
    out: StdoutLock<'static>,
    is_json: bool,
    /// Lines of text for each input.
    num_answers: usize,
}

impl Writer {
    /// JSON, or `num_answers` lines of text for each input.
    pub fn new(is_json: bool, num_answers: usize) -> Self {
        Self {
            out: stdout().lock(),
            is_json,
            num_answers,
        }
    }

    /// Writes the answers to an input; an empty line each where there are none.
    pub fn write(&mut self, input: &Input, answers: &[Answer]) -> io::Result<()> {
        if self.is_json {
            return write_record(&mut self.out, input, "outputs", &answers);
        }
        for index in 0..self.num_answers {
            let text = answers.get(index).map_or("", |answer| &answer.text);
            writeln!(self.out, "{}", in_a_line(text))?;
        }
        Ok(())
    }

    /// Writes a piece of an answer, to be seen at once.
    pub fn write_piece(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(in_a_line(text).as_bytes())?;
        self.out.flush()
    }

    /// Ends an answer that came in pieces.
    pub fn end_line(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    /// Hands on what was written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
