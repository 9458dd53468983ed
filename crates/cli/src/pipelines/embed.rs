//! `lamplight embed`

use std::process::ExitCode;

use clap::Args;
use lamplight_pipelines::{Embedder, PipelineError};

use super::{Job, TextPipeline, texts};
use crate::texts::TextArguments;
use crate::texts::inputs::Input;

/// `embed`
#[derive(Debug, Args)]
pub struct EmbedArguments {
    #[command(flatten)]
    pub texts: TextArguments,
    /// Keep the length of the vectors, which else is 1
    #[arg(long)]
    pub no_normalize: bool,
}

/// Gives the vector of each text, always as JSON.
pub fn run(arguments: &EmbedArguments) -> anyhow::Result<ExitCode> {
    let mut job = Job::new(&arguments.texts, "embedding");
    job.is_json = true;
    job.run(|folder, device| {
        let embedder = Embedder::from_pretrained(folder, device)?;
        Ok(match arguments.no_normalize {
            true => embedder,
            false => embedder.normalized(),
        })
    })
}

impl TextPipeline for Embedder {
    const KEY: &'static str = "embedding";
    type Answer = Vec<f32>;

    fn answer(&self, inputs: &[&Input], _: usize) -> Result<Vec<Vec<f32>>, PipelineError> {
        self.embed(&texts(inputs))
    }

    fn line(&self, _: &Input, vector: &Vec<f32>) -> String {
        format!("{vector:?}")
    }
}
