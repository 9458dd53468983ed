//! `lamplight tag`

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use lamplight_pipelines::explain::Explanation;
use lamplight_pipelines::{Aggregation, Entity, PipelineError, Tagger};

use super::marks::{Mark, marked};
use super::{Job, TextPipeline, texts};
use crate::texts::TextArguments;
use crate::texts::explanations::ExplainArguments;
use crate::texts::inputs::Input;

/// `tag`
#[derive(Debug, Args)]
pub struct TagArguments {
    #[command(flatten)]
    pub texts: TextArguments,
    /// What has a tag of its own: each token, or each word, by its first token
    #[arg(long, value_name = "HOW", default_value = "first")]
    pub aggregation: AggregationChoice,
    #[command(flatten)]
    pub page: ExplainArguments,
}

/// How the tags of tokens become those of entities.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum AggregationChoice {
    /// Each token has its own tag, also inside a word.
    Simple,
    /// A word has the tag of its first token.
    First,
}

/// Finds the entities of each text.
pub fn run(arguments: &TagArguments) -> anyhow::Result<ExitCode> {
    let aggregation = match arguments.aggregation {
        AggregationChoice::Simple => Aggregation::Simple,
        AggregationChoice::First => Aggregation::First,
    };
    let mut job = Job::new(&arguments.texts, "tagging");
    job.page = arguments.page.explain.as_deref();
    job.run(|folder, device| {
        let tagger = Tagger::from_pretrained(folder, device)?.aggregation(aggregation);
        if arguments.page.explain.is_some() {
            tagger.check_explained()?;
        }
        Ok(tagger)
    })
}

impl TextPipeline for Tagger {
    const KEY: &'static str = "entities";
    type Answer = Vec<Entity>;

    fn answer(&self, inputs: &[&Input], _: usize) -> Result<Vec<Vec<Entity>>, PipelineError> {
        self.tag(&texts(inputs))
    }

    fn explain(&self, input: &Input, _: usize) -> Result<Option<Explanation>, PipelineError> {
        self.explain(&input.text).map(Some)
    }

    /// The text with its entities marked.
    fn line(&self, input: &Input, entities: &Vec<Entity>) -> String {
        let marks = entities.iter().map(|entity| Mark {
            characters: &entity.characters,
            label: Some(&entity.label),
        });
        marked(&input.text, marks)
    }
}
