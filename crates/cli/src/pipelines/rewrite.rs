//! `lamplight summarize` and `lamplight translate`

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use lamplight_layers::precision::Precision;
use lamplight_pipelines::explain::Explanation;
use lamplight_pipelines::{PipelineError, Summarizer, Translator};
use lamplight_t5::GenerationConfig;
use serde::Serialize;

use super::{GENERATION_WINDOW_BYTES, Job, TextPipeline, texts};
use crate::dtype::{Dtype, DtypeArguments};
use crate::generate::arguments::SearchArguments;
use crate::texts::TextArguments;
use crate::texts::explanations::ExplainArguments;
use crate::texts::inputs::Input;

/// `summarize`
#[derive(Debug, Args)]
pub struct SummarizeArguments {
    #[command(flatten)]
    pub texts: TextArguments,
    #[command(flatten)]
    pub search: SearchArguments,
    #[command(flatten)]
    pub weights: DtypeArguments,
    #[command(flatten)]
    pub page: ExplainArguments,
}

/// `translate`
#[derive(Debug, Args)]
pub struct TranslateArguments {
    #[command(flatten)]
    pub texts: TextArguments,
    /// The language of the texts: an ISO 639-1 code, or its English name
    #[arg(long, value_name = "LANGUAGE", default_value = "en")]
    pub from: String,
    /// The language of the translations
    #[arg(long, value_name = "LANGUAGE", default_value = "de")]
    pub to: String,
    #[command(flatten)]
    pub search: SearchArguments,
    #[command(flatten)]
    pub weights: DtypeArguments,
    #[command(flatten)]
    pub page: ExplainArguments,
}

/// Makes long texts short.
pub fn summarize(arguments: &SummarizeArguments) -> anyhow::Result<ExitCode> {
    let has_int8 = has_int8(&arguments.weights)?;
    job(&arguments.texts, &arguments.page, "summarizing").run(|folder, device| {
        let mut model = Summarizer::from_pretrained(folder, device)?;
        if has_int8 {
            model = model.quantized()?;
        }
        Rewriter::new(Model::Summarizer(Box::new(model)), &arguments.search)
    })
}

/// Translates texts.
pub fn translate(arguments: &TranslateArguments) -> anyhow::Result<ExitCode> {
    let has_int8 = has_int8(&arguments.weights)?;
    job(&arguments.texts, &arguments.page, "translating").run(|folder, device| {
        let mut model = Translator::from_pretrained(folder, device)?;
        if has_int8 {
            model = model.quantized()?;
        }
        let model = model.between(&arguments.from, &arguments.to)?;
        Rewriter::new(Model::Translator(Box::new(model)), &arguments.search)
    })
}

fn has_int8(arguments: &DtypeArguments) -> anyhow::Result<bool> {
    match arguments.dtype {
        Dtype::Int8 => Ok(true),
        Dtype::Float(Precision::F32) => Ok(false),
        other => bail!("--dtype {other} is for `generate`; this command has f32 and int8"),
    }
}

fn job<'a>(
    arguments: &'a TextArguments,
    page: &'a ExplainArguments,
    doing: &'static str,
) -> Job<'a> {
    Job {
        page: page.explain.as_deref(),
        window_bytes: GENERATION_WINDOW_BYTES,
        ..Job::new(arguments, doing)
    }
}

/// A model that says texts in other words.
struct Rewriter {
    model: Model,
    generation: GenerationConfig,
}

#[derive(Clone)]
enum Model {
    Summarizer(Box<Summarizer>),
    Translator(Box<Translator>),
}

/// What was said.
#[derive(Serialize)]
struct Output {
    text: String,
}

impl Rewriter {
    fn new(model: Model, arguments: &SearchArguments) -> anyhow::Result<Self> {
        let of_folder = match &model {
            Model::Summarizer(model) => model.generation(),
            Model::Translator(model) => model.generation(),
        };
        let generation = arguments.over(of_folder)?;
        if generation.num_return_sequences > 1 {
            bail!(
                "num_return_sequences is above 1, and each text gets one answer; `generate` gives more"
            );
        }
        let model = model.with_generation(generation.clone())?;
        Ok(Self { model, generation })
    }

    /// The model as it goes on after `num_before` texts, so that draws do not begin anew.
    fn after(&self, num_before: usize) -> Result<Model, PipelineError> {
        let mut generation = self.generation.clone();
        generation.seed = generation.seed.wrapping_add(num_before as u64);
        self.model.clone().with_generation(generation)
    }
}

impl Model {
    fn with_generation(self, generation: GenerationConfig) -> Result<Self, PipelineError> {
        Ok(match self {
            Self::Summarizer(model) => {
                Self::Summarizer(Box::new(model.with_generation(generation)?))
            }
            Self::Translator(model) => {
                Self::Translator(Box::new(model.with_generation(generation)?))
            }
        })
    }
}

impl TextPipeline for Rewriter {
    const KEY: &'static str = "outputs";
    type Answer = [Output; 1];

    fn answer(
        &self,
        inputs: &[&Input],
        num_before: usize,
    ) -> Result<Vec<[Output; 1]>, PipelineError> {
        let texts = texts(inputs);
        let answers = match self.after(num_before)? {
            Model::Summarizer(model) => model.summarize(&texts)?,
            Model::Translator(model) => model.translate(&texts)?,
        };
        Ok(answers.into_iter().map(|text| [Output { text }]).collect())
    }

    fn explain(
        &self,
        input: &Input,
        num_before: usize,
    ) -> Result<Option<Explanation>, PipelineError> {
        let explanation = match self.after(num_before)? {
            Model::Summarizer(model) => model.explain(&input.text),
            Model::Translator(model) => model.explain(&input.text),
        };
        explanation.map(Some)
    }

    fn line(&self, _: &Input, [output]: &[Output; 1]) -> String {
        output.text.clone()
    }
}
