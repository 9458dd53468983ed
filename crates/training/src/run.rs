//! A whole run: recipe in, checkpoints, metrics and report out.

mod electra;
mod t5;

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use lamplight_data::DataError;
use lamplight_data::loader::Prefetch;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::initializer::draw_all;

use crate::metrics::History;
use crate::progress::{Observer, Plan};
use crate::recipe::{Objective, Recipe};
use crate::run_folder::RunFolder;
use crate::task::Task;
use crate::texts::{Files, Sources};
use crate::trainer::Trainer;
use crate::{TrainingError, model_config, report, seed};

/// Batches that are made ahead of the device.
const PREFETCHED_BATCHES: usize = 4;

/// What to train, on what, where and into which folder.
#[derive(Debug, Clone)]
pub struct Run {
    /// The recipe's name.
    pub name: String,
    /// The recipe.
    pub recipe: Recipe,
    /// Texts and tokenizer.
    pub sources: Sources,
    /// The folder to write into, empty or not there yet; without one the next free `runs/NAME-N`.
    pub output: Option<PathBuf>,
    /// The device.
    pub device: Device,
}

/// What a run leaves behind.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// The recipe's name.
    pub name: String,
    /// The recipe as it was run.
    pub recipe: Recipe,
    /// The run's folder.
    pub folder: RunFolder,
    /// The last checkpoint.
    pub checkpoint: PathBuf,
    /// All that was measured.
    pub history: History,
    /// Parameters that were trained.
    pub num_parameters: usize,
    /// Steps that were done: fewer than planned after an interruption.
    pub num_steps: usize,
}

impl RunSummary {
    /// Whether every planned step was done.
    pub fn is_complete(&self) -> bool {
        self.num_steps == self.recipe.training.steps
    }
}

/// Runs a recipe from texts to checkpoint and report.
///
/// # Errors
/// See [`TrainingError`]: bad input is refused before any long work, and nothing is overwritten.
pub fn train(run: Run, observer: &mut dyn Observer) -> Result<RunSummary, TrainingError> {
    let prepared = run.prepare()?;
    let summary = match run.recipe.data.objective {
        Objective::ReplacedTokenDetection => {
            electra::replaced_token_detection(run, &prepared, observer)
        }
        Objective::SpanCorruption => t5::span_corruption(run, &prepared, observer),
        Objective::TextToText => t5::text_to_text(run, &prepared, observer),
    };
    if summary.is_err() {
        prepared.folder.remove_if_unused();
    }
    summary
}

/// What is settled before any long work.
struct Prepared {
    files: Files,
    folder: RunFolder,
}

impl Run {
    /// Finds all files and takes the output folder.
    fn prepare(&self) -> Result<Prepared, TrainingError> {
        model_config::check(&self.recipe)?;
        self.recipe.training.precision.check(&self.device)?;
        let files = self.sources.files(&self.name, &self.recipe)?;
        let folder = match &self.output {
            Some(path) => RunFolder::create(path)?,
            None => RunFolder::create_next(&self.name)?,
        };
        Ok(Prepared { files, folder })
    }

    /// Sets `model.config.vocab_size` where the recipe leaves it out, and checks it where it does not.
    fn resolve_vocab_size(&mut self, tokenizer: &Tokenizer) -> Result<usize, TrainingError> {
        let config = &mut self.recipe.model.config;
        let size = tokenizer.vocab_size();
        let given = config
            .entry("vocab_size")
            .or_insert(toml::Value::Integer(size as i64));
        match given
            .as_integer()
            .and_then(|given| usize::try_from(given).ok())
        {
            Some(rows) if rows < size => Err(TrainingError::VocabularyTooLarge {
                tokenizer: size,
                model: rows,
            }),
            Some(rows) => Ok(rows),
            // Not a size at all: the model's own check of the config says so.
            None => Ok(size),
        }
    }

    fn execute<T: Task>(
        &self,
        folder: &RunFolder,
        task: &T,
        batches: impl Iterator<Item = Result<T::Batch, DataError>> + Send + 'static,
        num_tokens: usize,
        observer: &mut dyn Observer,
        new_model: impl FnOnce(&Device) -> T::Model,
    ) -> Result<RunSummary, TrainingError> {
        let recipe = &self.recipe;
        write(&folder.recipe(), &recipe.to_toml()?)?;
        let device = self.device.clone().autodiff();
        device.seed(seed::for_initialisation(recipe.training.seed));
        let model = draw_all(new_model(&device));
        let num_parameters = model.num_params();
        let plan = Plan {
            name: self.name.clone(),
            num_steps: recipe.training.steps,
            num_parameters,
            vocab_size: recipe
                .model
                .config
                .get("vocab_size")
                .and_then(toml::Value::as_integer)
                .unwrap_or_default() as usize,
            num_tokens,
        };
        observer.started(&plan, folder.path());
        let trainer = Trainer {
            task,
            settings: &recipe.training,
            schedule: recipe.schedule(),
            optimizer: recipe.optimizer.adamw().init_sparing_norms(),
            device,
            folder,
        };
        let batches = Prefetch::new(batches, PREFETCHED_BATCHES)?;
        let outcome = trainer.run(model, batches, observer)?;
        let summary = RunSummary {
            name: self.name.clone(),
            recipe: recipe.clone(),
            folder: folder.clone(),
            checkpoint: outcome.checkpoint,
            history: outcome.history,
            num_parameters,
            num_steps: outcome.num_steps,
        };
        report::write(&folder.report(), std::slice::from_ref(&summary))?;
        Ok(summary)
    }
}

fn write(path: &Path, text: &str) -> Result<(), TrainingError> {
    std::fs::write(path, text).map_err(TrainingError::io("write", path))
}
