//! `lamplight answer`

use std::num::NonZeroUsize;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use lamplight_pipelines::explain::Explanation;
use lamplight_pipelines::{Answer, AnswerSettings, Answerer, NoAnswer, PipelineError};

use super::{Job, TextPipeline};
use crate::texts::TextArguments;
use crate::texts::explanations::ExplainArguments;
use crate::texts::inputs::{Fields, Input};

/// `answer`
#[derive(Debug, Args)]
pub struct AnswerArguments {
    #[command(flatten)]
    pub texts: TextArguments,
    /// Asked of each text; without it the lines are JSON objects with the fields question and context
    #[arg(long, value_name = "QUESTION")]
    pub question: Option<String>,
    /// Answers from each text, best first
    #[arg(long, value_name = "K", default_value = "1")]
    pub top_k: NonZeroUsize,
    /// Says nothing where there being no answer scores above this, such as the best_f1_thresh of the training
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub no_answer_threshold: Option<f32>,
    #[command(flatten)]
    pub page: ExplainArguments,
}

/// Finds the answers to questions in texts.
pub fn run(arguments: &AnswerArguments) -> anyhow::Result<ExitCode> {
    if arguments.question.is_none() && !arguments.texts.given().is_empty() {
        bail!(
            "give --question for texts on the command line, or JSON Lines with question and context"
        );
    }
    let mut job = Job::new(&arguments.texts, "answering");
    job.fields = Fields {
        text: "context",
        second: arguments.question.is_none().then_some("question"),
    };
    job.page = arguments.page.explain.as_deref();
    job.run(|folder, device| {
        let settings = AnswerSettings {
            top_k: arguments.top_k.get(),
            no_answer: arguments
                .no_answer_threshold
                .map_or(NoAnswer::Never, NoAnswer::Above),
            ..AnswerSettings::default()
        };
        Ok(Questioner {
            answerer: Answerer::from_pretrained(folder, device)?.with_settings(settings)?,
            question: arguments.question.clone(),
        })
    })
}

/// What asks each text a question.
struct Questioner {
    answerer: Answerer,
    /// Of all texts.
    question: Option<String>,
}

impl Questioner {
    /// Question and context.
    fn asked<'a>(&'a self, input: &'a Input) -> (&'a str, &'a str) {
        let question = self.question.as_ref().or(input.second.as_ref());
        (question.map_or("", String::as_str), input.text.as_str())
    }
}

impl TextPipeline for Questioner {
    const KEY: &'static str = "answers";
    type Answer = Vec<Answer>;

    fn answer(&self, inputs: &[&Input], _: usize) -> Result<Vec<Vec<Answer>>, PipelineError> {
        let asked = inputs.iter().map(|input| self.asked(input));
        self.answerer.answer(&asked.collect::<Vec<_>>())
    }

    fn explain(&self, input: &Input, _: usize) -> Result<Option<Explanation>, PipelineError> {
        let (question, context) = self.asked(input);
        self.answerer.explain(question, context).map(Some)
    }

    /// The answers, a tab between each two.
    fn line(&self, _: &Input, answers: &Vec<Answer>) -> String {
        let texts = answers.iter().map(|answer| answer.text.as_str());
        texts.collect::<Vec<_>>().join("\t")
    }
}
