//! `lamplight classify`

use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Args;
use lamplight_pipelines::explain::Explanation;
use lamplight_pipelines::{Classifier, Label, PipelineError};

use super::zero_shot::{ZeroShot, ZeroShotArguments};
use super::{Job, TextPipeline, texts};
use crate::texts::TextArguments;
use crate::texts::explanations::ExplainArguments;
use crate::texts::inputs::{Fields, Input};

/// `classify`
#[derive(Debug, Args)]
pub struct ClassifyArguments {
    #[command(flatten)]
    pub texts: TextArguments,
    /// The lines are JSON objects, and this field of theirs is the second text of a pair
    #[arg(long, value_name = "NAME", conflicts_with = "texts")]
    pub pair_field: Option<String>,
    #[command(flatten)]
    pub zero_shot: ZeroShotArguments,
    /// Labels for each text, best first [default: 1; with --json all]
    #[arg(long, value_name = "K")]
    pub top_k: Option<NonZeroUsize>,
    #[command(flatten)]
    pub page: ExplainArguments,
}

/// Names the class of each text.
pub fn run(arguments: &ClassifyArguments) -> anyhow::Result<ExitCode> {
    let mut job = Job::new(&arguments.texts, "classifying");
    job.fields = Fields {
        second: arguments.pair_field.as_deref(),
        ..Fields::TEXT
    };
    job.page = arguments.page.explain.as_deref();
    let default_top_k = (!job.is_json).then_some(1);
    let top_k = arguments.top_k.map(usize::from).or(default_top_k);
    if !arguments.zero_shot.labels.is_empty() {
        return job
            .run(|folder, device| ZeroShot::load(&arguments.zero_shot, top_k, (folder, device)));
    }
    job.run(|folder, device| {
        let classifier = Classifier::from_pretrained(folder, device)?;
        if arguments.page.explain.is_some() {
            classifier.check_explained()?;
        }
        Ok(match top_k {
            Some(top_k) => classifier.top_k(top_k),
            None => classifier,
        })
    })
}

impl TextPipeline for Classifier {
    const KEY: &'static str = "labels";
    type Answer = Vec<Label>;

    fn answer(&self, inputs: &[&Input], _: usize) -> Result<Vec<Vec<Label>>, PipelineError> {
        let pair = |input: &&Input| Some((input.text.clone(), input.second.clone()?));
        let pairs: Option<Vec<_>> = inputs.iter().map(pair).collect();
        match pairs {
            Some(pairs) => self.classify_pairs(&pairs),
            None => self.classify(&texts(inputs)),
        }
    }

    fn explain(&self, input: &Input, _: usize) -> Result<Option<Explanation>, PipelineError> {
        let explanation = match &input.second {
            Some(second) => self.explain_pair(&input.text, second),
            None => self.explain(&input.text),
        };
        explanation.map(Some)
    }

    fn line(&self, _: &Input, labels: &Vec<Label>) -> String {
        line(labels)
    }
}

/// Labels and scores, a tab between each two.
pub(super) fn line(labels: &[Label]) -> String {
    let labels = labels
        .iter()
        .map(|label| format!("{}\t{:.4}", label.label, label.score));
    labels.collect::<Vec<_>>().join("\t")
}
