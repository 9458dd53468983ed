//! A whole run: recipe in, checkpoints, metrics and report out.

mod electra;
mod fine_tuning;
mod start;
mod summary;
mod t5;

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use lamplight_data::digest::Digest;
use lamplight_data::loader::{ExampleSet, Loader, Workers, World};
use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::device::is_processor;
use lamplight_layers::precision::Precision;

use crate::checkpoint::{Identity, sha256};
use crate::memory::Footprint;
use crate::metrics::History;
use crate::progress::{Observer, Plan, Several};
use crate::recipe::{Objective, Recipe};
use crate::report::RedrawnReport;
use crate::run_folder::{Origin, RunFolder};
use crate::task::Task;
use crate::texts::{Files, Sources, absolute};
use crate::weights::Weights;
use crate::{TrainingError, lora, model_config, report};
pub(crate) use fine_tuning::{open_texts, windows_of};
use start::Starting;
pub(crate) use t5::questions;

pub use summary::RunSummary;

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
    /// The folder of a checkpoint to start from, in Hugging Face's layout, of the recipe's shapes;
    /// without one the weights are drawn.
    pub init_from: Option<PathBuf>,
    /// The device.
    pub device: Device,
}

/// Runs a recipe from texts to checkpoint and report.
///
/// # Errors
/// See [`TrainingError`]: bad input is refused before any long work, and nothing is overwritten.
pub fn train(mut run: Run, observer: &mut dyn Observer) -> Result<RunSummary, TrainingError> {
    run.follow_start()?;
    let prepared = run.prepare()?;
    let folder = prepared.folder.clone();
    let summary = run.dispatch(&prepared, observer);
    if summary.is_err() {
        folder.remove_if_unused();
    }
    summary
}

/// Goes on with a run that was interrupted or killed, from its newest intact checkpoint. On the
/// same device it ends with the very weights that it would have had without the interruption.
///
/// # Errors
/// The folder is no run's, another process trains in it, its recipe or texts are not what they
/// were, or as [`train`].
pub fn resume(
    folder: &Path,
    device: Device,
    observer: &mut dyn Observer,
) -> Result<RunSummary, TrainingError> {
    let folder = RunFolder::reopen(folder)?;
    let origin = folder.origin()?;
    let name = folder.recipe().display().to_string();
    let recipe = Recipe::from_toml(&folder.recipe_text()?, &name, &[])?;
    model_config::check(&recipe)?;
    recipe
        .training
        .precision
        .unwrap_or_default()
        .check(&device)?;
    let run = Run {
        sources: Sources {
            tokenizer: Some(folder.tokenizer()),
            ..origin.sources
        },
        name: origin.name,
        recipe,
        output: Some(folder.path().to_owned()),
        init_from: origin.init_from,
        device,
    };
    let prepared = Prepared {
        files: run.sources.files(&run.name, &run.recipe)?,
        folder,
        is_resumed: true,
    };
    run.dispatch(&prepared, observer)
}

/// What is settled before any long work.
struct Prepared {
    files: Files,
    folder: RunFolder,
    is_resumed: bool,
}

/// What is trained, on what.
struct Work<T: Task, E> {
    task: T,
    /// A model of the recipe, not drawn yet.
    fresh: T::Model,
    examples: Loader<E>,
    /// Digest of the held-out examples.
    held_out: Digest,
    /// Tokens of the training texts.
    num_tokens: usize,
    /// Bytes that a micro-batch leaves for the backward pass at the least.
    activations: f64,
}

impl Run {
    fn dispatch(
        self,
        prepared: &Prepared,
        observer: &mut dyn Observer,
    ) -> Result<RunSummary, TrainingError> {
        match self.recipe.data.denoiser() {
            Some(denoiser) => t5::denoising(self, denoiser, prepared, observer),
            None if self.recipe.data.objective == Objective::TextToText => {
                t5::text_to_text(self, prepared, observer)
            }
            None if self.recipe.data.objective.is_labelled() => {
                fine_tuning::fine_tuning(self, prepared, observer)
            }
            None => electra::replaced_token_detection(self, prepared, observer),
        }
    }

    /// Settles the precision, finds all files and takes the output folder.
    fn prepare(&mut self) -> Result<Prepared, TrainingError> {
        model_config::check(&self.recipe)?;
        let preferred = || Precision::preferred(&self.device);
        let precision = self.recipe.training.precision.get_or_insert_with(preferred);
        precision.check(&self.device)?;
        let files = self.sources.files(&self.name, &self.recipe)?;
        let folder = match &self.output {
            Some(path) => RunFolder::create(path)?,
            None => RunFolder::create_next(&self.name)?,
        };
        Ok(Prepared {
            files,
            folder,
            is_resumed: false,
        })
    }

    /// Where this run comes from.
    pub(crate) fn origin(&self) -> Result<Origin, TrainingError> {
        Ok(Origin {
            name: self.name.clone(),
            sources: self.sources.absolute()?,
            init_from: self.init_from.as_deref().map(absolute).transpose()?,
        })
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

    fn execute<T: Task, E>(
        &self,
        prepared: &Prepared,
        work: Work<T, E>,
        observer: &mut dyn Observer,
    ) -> Result<RunSummary, TrainingError>
    where
        E: ExampleSet<Batch = T::Batch> + Send + Sync + 'static,
        T::Batch: Send,
    {
        let (recipe, folder) = (&self.recipe, &prepared.folder);
        if is_processor(&self.device) {
            Footprint::new(&work.fresh, recipe, work.activations).check_host()?;
        }
        let recipe_text = match prepared.is_resumed {
            true => folder.recipe_text()?,
            false => recipe.to_toml()?,
        };
        let starting = Starting {
            run: self,
            task: &work.task,
            folder,
            identity: self.identity(&work, &recipe_text),
        };
        let first = starting.first_model(work.fresh, observer)?;
        if !prepared.is_resumed {
            folder.begin(&self.origin()?, &recipe_text, work.task.tokenizer())?;
        }
        let (trainer, start) = starting.trainer(first)?;
        let num_parameters = match recipe.lora {
            Some(_) => Weights::of(&start.model, lora::is_trained::<T>).num_elements(),
            None => start.model.num_params(),
        };
        let plan = self.plan(num_parameters, work.num_tokens);
        observer.started(&plan, folder.path());
        let cursor = &start.position.cursor;
        let batches = (work.examples).prefetch(cursor, World::ALONE, Workers::default())?;
        let mut summary = self.summary(folder, num_parameters);
        let mut report = RedrawnReport::new(summary.clone());
        let outcome = trainer.run(start, batches, &mut Several(vec![observer, &mut report]))?;
        summary.checkpoint = outcome.checkpoint;
        summary.history = outcome.history;
        summary.num_steps = outcome.num_steps;
        report::write(&folder.report(), std::slice::from_ref(&summary))?;
        Ok(summary)
    }

    /// Of a run that has done nothing yet.
    fn summary(&self, folder: &RunFolder, num_parameters: usize) -> RunSummary {
        RunSummary {
            name: self.name.clone(),
            recipe: self.recipe.clone(),
            folder: folder.clone(),
            checkpoint: PathBuf::new(),
            history: History::default(),
            num_parameters,
            num_steps: 0,
        }
    }

    /// What makes a checkpoint one of this run.
    fn identity<T: Task, E: ExampleSet>(&self, work: &Work<T, E>, recipe_text: &str) -> Identity {
        Identity {
            family: self.recipe.model.family,
            seed: self.recipe.training.seed,
            recipe_sha256: sha256(recipe_text.as_bytes()),
            examples: work.examples.digest(),
            held_out: work.held_out.clone(),
        }
    }

    fn plan(&self, num_parameters: usize, num_tokens: usize) -> Plan {
        let vocab_size = self.recipe.model.config.get("vocab_size");
        Plan {
            name: self.name.clone(),
            num_steps: self.recipe.training.steps,
            num_parameters,
            vocab_size: vocab_size.and_then(toml::Value::as_integer).unwrap_or(0) as usize,
            num_tokens,
        }
    }
}
