//! `lamplight detect`

use std::process::ExitCode;

use clap::Args;
use lamplight_pipelines::explain::Explanation;
use lamplight_pipelines::{DetectedToken, Detector, PipelineError};
use serde::Serialize;

use super::marks::{Mark, marked};
use super::{Job, TextPipeline, texts};
use crate::texts::TextArguments;
use crate::texts::explanations::ExplainArguments;
use crate::texts::inputs::Input;

/// `detect`
#[derive(Debug, Args)]
pub struct DetectArguments {
    #[command(flatten)]
    pub texts: TextArguments,
    /// The probability above which a token counts as replaced
    #[arg(long, value_name = "P", default_value_t = 0.5, value_parser = probability)]
    pub threshold: f32,
    #[command(flatten)]
    pub page: ExplainArguments,
}

/// Finds the tokens of each text that seem replaced.
pub fn run(arguments: &DetectArguments) -> anyhow::Result<ExitCode> {
    let mut job = Job::new(&arguments.texts, "detecting");
    job.page = arguments.page.explain.as_deref();
    job.run(|folder, device| {
        Ok(Judge {
            detector: Detector::from_pretrained(folder, device)?,
            threshold: arguments.threshold,
        })
    })
}

/// A detector with a limit.
struct Judge {
    detector: Detector,
    threshold: f32,
}

/// A token, and whether it passes the limit.
#[derive(Serialize)]
struct JudgedToken {
    #[serde(flatten)]
    token: DetectedToken,
    is_replaced: bool,
}

impl TextPipeline for Judge {
    const KEY: &'static str = "tokens";
    type Answer = Vec<JudgedToken>;

    fn answer(&self, inputs: &[&Input], _: usize) -> Result<Vec<Vec<JudgedToken>>, PipelineError> {
        let judged = |token: DetectedToken| JudgedToken {
            is_replaced: token.probability > self.threshold,
            token,
        };
        let answers = self.detector.detect(&texts(inputs))?.into_iter();
        Ok(answers
            .map(|tokens| tokens.into_iter().map(judged).collect())
            .collect())
    }

    fn explain(&self, input: &Input, _: usize) -> Result<Option<Explanation>, PipelineError> {
        self.detector.explain(&input.text).map(Some)
    }

    /// The text with what seems replaced marked.
    fn line(&self, input: &Input, tokens: &Vec<JudgedToken>) -> String {
        let replaced = tokens.iter().filter(|token| token.is_replaced);
        let marks = replaced.map(|JudgedToken { token, .. }| Mark {
            characters: &token.characters,
            label: None,
        });
        marked(&input.text, marks)
    }
}

fn probability(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}
