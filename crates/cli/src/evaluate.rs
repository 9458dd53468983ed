//! `lamplight evaluate`

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use lamplight_data::atomic_file;
use lamplight_layers::device::DeviceChoice;
use lamplight_training::TrainingError;
use lamplight_training::evaluation::metrics::Metric;
use lamplight_training::evaluation::readable;
use lamplight_training::progress::{Observer, Stage};
use lamplight_training::recipe::Recipe;
use lamplight_training::scoring::{Answering, Prediction, ScoreRequest, Scored, score};
use serde_json::{Map, Value, json};

use crate::console::progress::Progress;
use crate::interrupt::{self, Ending};
use crate::texts::model_folder;
use crate::{INTERRUPTED, console};

/// `evaluate`
#[derive(Debug, Args)]
pub struct EvaluateArguments {
    /// The folder of a model with its tokenizer: a checkpoint of a run, or one of Hugging Face's; or OWNER/NAME
    /// of the Hugging Face hub, also with @REVISION, which is fetched once
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// What it is scored on: labelled records, pairs of an input and a target, or texts, as train takes them
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub data: Vec<PathBuf>,
    /// How examples are made: a preset, or the path of a .toml file [default: that of the run, if the model is a
    /// checkpoint of one]
    #[arg(long, value_name = "RECIPE")]
    pub recipe: Option<String>,
    /// Score the answers to pairs by this metric beside exact_match; may be given several times
    /// [default: as in training]
    #[arg(long = "metric", value_name = "NAME")]
    pub metrics: Vec<Metric>,
    /// Beams of the search for an answer [default: as in training, else 1]
    #[arg(long, value_name = "N")]
    pub num_beams: Option<NonZeroUsize>,
    /// Tokens of an answer at most [default: as in training, else 128]
    #[arg(long, value_name = "N")]
    pub max_new_tokens: Option<NonZeroUsize>,
    /// Only the first N records
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroUsize>,
    /// Examples of a batch [default: as in training, else 32]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<NonZeroUsize>,
    /// Write one object of JSON
    #[arg(long)]
    pub json: bool,
    /// Write each input with what the model said and what is right into a new file of JSON Lines
    #[arg(long, value_name = "FILE")]
    pub predictions: Option<PathBuf>,
    /// flex, ndarray, wgpu, vulkan, metal, rocm or cuda, the last with :N for the N-th
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub device: DeviceChoice,
}

/// Scores a model on data.
pub fn run(arguments: &EvaluateArguments) -> anyhow::Result<ExitCode> {
    check(arguments)?;
    let recipe = arguments.recipe.as_deref();
    let recipe = recipe.map(|recipe| Recipe::load(recipe, &[])).transpose()?;
    let request = ScoreRequest {
        model: arguments.model.clone(),
        data: arguments.data.clone(),
        recipe: recipe.map(|(_, recipe)| recipe),
        limit: arguments.limit.map(usize::from),
        batch_size: arguments.batch_size.map(usize::from),
        answering: Answering {
            metrics: arguments.metrics.clone(),
            num_beams: arguments.num_beams.map(usize::from),
            max_new_tokens: arguments.max_new_tokens.map(usize::from),
        },
        device: arguments.device.open()?,
    };
    interrupt::listen()?;
    let mut console = Console::default();
    let scored = score(&request, &mut console);
    console.finish();
    let scored = match scored {
        Err(TrainingError::Interrupted) => return Ok(ExitCode::from(INTERRUPTED)),
        scored => scored?,
    };
    if let Some(path) = &arguments.predictions {
        atomic_file::write(path, &lines(&scored.predictions)?)?;
    }
    match arguments.json {
        true => writeln!(stdout(), "{}", object(arguments, &scored))?,
        false => table(arguments, &scored)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What would be a pity to find out in the end.
fn check(arguments: &EvaluateArguments) -> anyhow::Result<()> {
    // The folder of both models of a pre-training is one to score, and to no other command a model.
    if !arguments.model.join("discriminator").is_dir() {
        model_folder::check(&arguments.model)?;
    }
    let Some(path) = &arguments.predictions else {
        return Ok(());
    };
    if path.exists() {
        bail!("{} is there already; give a new file", path.display());
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            bail!("{} is no folder to write into", folder.display())
        }
        _ => Ok(()),
    }
}

fn lines(predictions: &[Prediction]) -> anyhow::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for prediction in predictions {
        serde_json::to_writer(&mut lines, prediction)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// All there is to say for a program.
fn object(arguments: &EvaluateArguments, scored: &Scored) -> Value {
    let scores = scored.scores.iter();
    let scores: Map<String, Value> = scores
        .map(|(name, score)| (name.clone(), json!(score)))
        .collect();
    json!({
        "model": arguments.model,
        "data": arguments.data,
        "objective": scored.objective,
        "num_examples": scored.num_examples,
        "seconds": scored.seconds,
        "scores": scores,
    })
}

/// The same for people.
fn table(arguments: &EvaluateArguments, scored: &Scored) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    let objective = json!(scored.objective);
    writeln!(
        out,
        "{}: {} on {} examples, {}",
        arguments.model.display(),
        readable(objective.as_str().unwrap_or_default()),
        scored.num_examples,
        console::duration(scored.seconds)
    )?;
    let names = scored.scores.iter().map(|(name, _)| readable(name));
    let names: Vec<String> = names.collect();
    let width = names.iter().map(|name| name.chars().count()).max();
    for (name, (_, score)) in names.iter().zip(&scored.scores) {
        writeln!(out, "  {name:<0$}  {score:>10.4}", width.unwrap_or(0))?;
    }
    Ok(())
}

/// Tells people how far the scoring is.
#[derive(Default)]
struct Console {
    reading: Option<Progress>,
    scoring: Option<Progress>,
}

impl Console {
    fn finish(self) {
        for progress in [self.reading, self.scoring].into_iter().flatten() {
            progress.finish();
        }
    }
}

impl Observer for Console {
    fn preparing(&mut self, stage: Stage) {
        let Stage::ReadingTexts {
            fraction,
            num_tokens,
        } = stage
        else {
            return;
        };
        let progress = || Progress::new("reading", &["tokens"]);
        let reading = self.reading.get_or_insert_with(progress);
        reading.update(fraction, &[num_tokens]);
    }

    fn scored(&mut self, num_scored: usize, num_examples: usize) {
        if let Some(reading) = self.reading.take() {
            reading.finish();
        }
        interrupt::set_ending(Some(Ending::AfterBatch));
        let progress = || Progress::new("scoring", &["examples"]);
        let scoring = self.scoring.get_or_insert_with(progress);
        let fraction = num_scored as f64 / num_examples.max(1) as f64;
        scoring.update(fraction, &[num_scored as u64]);
    }

    fn is_interrupted(&self) -> bool {
        interrupt::is_requested()
    }
}
