//! `lamplight classify --labels`

use std::path::Path;

use anyhow::{anyhow, bail};
use burn::tensor::Device;
use clap::Args;
use lamplight_pipelines::{Label, PipelineError, ZeroShotClassifier};

use super::{TextPipeline, texts};
use crate::texts::inputs::Input;

/// Labels that the model was not trained for.
#[derive(Debug, Args)]
pub struct ZeroShotArguments {
    /// Labels, with commas between them, of which a T5 with a language model's head says how likely it would answer each
    #[arg(
        long,
        value_name = "LABEL,..",
        value_delimiter = ',',
        conflicts_with_all = ["pair_field", "explain"]
    )]
    pub labels: Vec<String>,
    /// What the T5 is asked, with {text} in the place of the text, as in --prompt "sst2 sentence: {text}"
    /// [default: the text alone]
    #[arg(long, value_name = "PROMPT", requires = "labels")]
    pub prompt: Option<String>,
}

/// Knows the labels that texts may have.
pub struct ZeroShot {
    classifier: ZeroShotClassifier,
    labels: Vec<String>,
    top_k: usize,
}

impl ZeroShot {
    /// Reads a T5. `top_k` labels are given for each text, all where it is not said.
    pub fn load(
        arguments: &ZeroShotArguments,
        top_k: Option<usize>,
        (folder, device): (&Path, &Device),
    ) -> anyhow::Result<Self> {
        let labels: Vec<String> = (arguments.labels.iter())
            .map(|label| label.trim().to_owned())
            .collect();
        if labels.iter().any(String::is_empty) {
            bail!("--labels: one of them is blank");
        }
        let mut classifier = ZeroShotClassifier::from_pretrained(folder, device)?;
        if let Some(prompt) = &arguments.prompt {
            classifier = classifier.with_prompt(prompt)?;
        }
        // So that a label which cannot be asked about is found before any text.
        let checked = classifier.classify::<&str, _>(&[], &labels);
        checked.map_err(|error| about_label(error, &labels))?;
        Ok(Self {
            classifier,
            labels,
            top_k: top_k.unwrap_or(usize::MAX),
        })
    }
}

/// The same error, where it is about a label.
fn about_label(error: PipelineError, labels: &[String]) -> anyhow::Error {
    let label = |number: usize| labels.get(number).map_or("", String::as_str);
    match error {
        PipelineError::TooLong {
            text,
            num_tokens,
            max_length,
        } => anyhow!(
            "--labels: \"{}\" has {num_tokens} tokens, and the model reads at most {max_length}",
            label(text)
        ),
        PipelineError::NoTokens { text } => anyhow!("--labels: \"{}\" has no tokens", label(text)),
        error => error.into(),
    }
}

impl TextPipeline for ZeroShot {
    const KEY: &'static str = "labels";
    type Answer = Vec<Label>;

    fn answer(&self, inputs: &[&Input], _: usize) -> Result<Vec<Vec<Label>>, PipelineError> {
        let mut answers = self.classifier.classify(&texts(inputs), &self.labels)?;
        answers
            .iter_mut()
            .for_each(|labels| labels.truncate(self.top_k));
        Ok(answers)
    }

    fn line(&self, _: &Input, labels: &Vec<Label>) -> String {
        super::classify::line(labels)
    }
}
