//! A whole run: recipe in, checkpoints, metrics and report out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use lamplight_data::DataError;
use lamplight_data::loader::{
    MaskedTokenLoader, MaskedTokenSettings, Prefetch, SpanCorruptionLoader, SpanCorruptionSettings,
    TextToTextLoader, TextToTextSettings,
};
use lamplight_data::objective::replaced_token_detection::Masking;
use lamplight_data::objective::span_corruption::SpanCorruption;
use lamplight_data::synthetic::TextPair;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_electra::ElectraPretraining;
use lamplight_t5::T5ForConditionalGeneration;

use crate::metrics::History;
use crate::model_config::{self, electra_config, t5_config};
use crate::progress::{Observer, Plan};
use crate::recipe::{Objective, Recipe};
use crate::run_folder::RunFolder;
use crate::task::{Question, ReplacedTokenDetection, Task, TextToText};
use crate::texts::{Files, Sources, load_pairs, load_texts};
use crate::trainer::Trainer;
use crate::{TrainingError, report, seed};

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
        Objective::ReplacedTokenDetection => replaced_token_detection(run, &prepared, observer),
        Objective::SpanCorruption => span_corruption(run, &prepared, observer),
        Objective::TextToText => text_to_text(run, &prepared, observer),
    };
    if summary.is_err() {
        prepared.folder.remove_if_unused();
    }
    summary
}

fn replaced_token_detection(
    mut run: Run,
    prepared: &Prepared,
    observer: &mut dyn Observer,
) -> Result<RunSummary, TrainingError> {
    let texts = load_texts(&run.sources, &prepared.files, &run.recipe, observer)?;
    let vocab_size = run.resolve_vocab_size(&texts.tokenizer)?;
    let config = electra_config(&run.recipe.model)?;
    let generator = config.generator(run.recipe.model.generator_size.unwrap_or(1.0));

    let recipe = &run.recipe;
    let settings = MaskedTokenSettings {
        masking: Masking {
            mask_fraction: recipe.data.mask_fraction(),
            keep_fraction: recipe.data.keep_fraction(),
        },
        sequence_length: recipe.data.inputs_length,
        batch_size: recipe.training.batch_size,
    };
    let num_tokens = texts.training.num_tokens();
    let loader = |corpus| {
        MaskedTokenLoader::new(Arc::new(corpus), &texts.tokenizer, settings, recipe.training.seed)
    };
    let batches = loader(texts.training)?;
    let held_out = loader(texts.held_out)?.evaluation_batches(recipe.evaluation.max_batches)?;
    let task = ReplacedTokenDetection {
        vocab_size,
        tokenizer: texts.tokenizer,
        held_out,
        num_shown: recipe.evaluation.num_shown,
    };
    run.execute(&prepared.folder, &task, batches, num_tokens, observer, |device| {
        ElectraPretraining::new(&config, &generator, device)
    })
}

fn span_corruption(
    mut run: Run,
    prepared: &Prepared,
    observer: &mut dyn Observer,
) -> Result<RunSummary, TrainingError> {
    let texts = load_texts(&run.sources, &prepared.files, &run.recipe, observer)?;
    let vocab_size = run.resolve_vocab_size(&texts.tokenizer)?;
    let config = t5_config(&run.recipe.model)?;

    let recipe = &run.recipe;
    let settings = SpanCorruptionSettings {
        objective: SpanCorruption {
            noise_density: recipe.data.noise_density(),
            mean_span_length: recipe.data.mean_span_length(),
        },
        inputs_length: recipe.data.inputs_length,
        batch_size: recipe.training.batch_size,
    };
    let num_tokens = texts.training.num_tokens();
    let loader = |corpus| {
        let seed = recipe.training.seed;
        SpanCorruptionLoader::new(Arc::new(corpus), &texts.tokenizer, settings, seed)
    };
    let batches = loader(texts.training)?;
    let held_out = loader(texts.held_out)?.evaluation_batches(recipe.evaluation.max_batches)?;
    let task = TextToText {
        vocab_size,
        tokenizer: texts.tokenizer,
        held_out,
        questions: Vec::new(),
        max_new_tokens: 0,
        num_shown: recipe.evaluation.num_shown,
        z_loss: recipe.training.z_loss.unwrap_or(0.0),
    };
    run.execute(&prepared.folder, &task, batches, num_tokens, observer, |device| {
        T5ForConditionalGeneration::new(&config, device)
    })
}

fn text_to_text(
    mut run: Run,
    prepared: &Prepared,
    observer: &mut dyn Observer,
) -> Result<RunSummary, TrainingError> {
    let pairs = load_pairs(&run.sources, &prepared.files, &run.recipe, observer)?;
    let vocab_size = run.resolve_vocab_size(&pairs.tokenizer)?;
    let config = t5_config(&run.recipe.model)?;

    let recipe = &run.recipe;
    let targets_length = recipe.data.targets_length.unwrap_or_default();
    let settings = TextToTextSettings {
        max_input_length: recipe.data.inputs_length,
        max_target_length: targets_length,
        batch_size: recipe.training.batch_size,
    };
    let training = encode_pairs(&pairs.tokenizer, &pairs.training)?;
    let num_tokens = training.iter().map(|(input, target)| input.len() + target.len()).sum();
    let loader = |pairs| TextToTextLoader::new(Arc::new(pairs), settings, recipe.training.seed);
    let batches = loader(training)?;
    let held_out = loader(encode_pairs(&pairs.tokenizer, &pairs.held_out)?)?
        .evaluation_batches(recipe.evaluation.max_batches)?;
    let task = TextToText {
        vocab_size,
        tokenizer: pairs.tokenizer,
        held_out,
        questions: questions(&pairs.held_out, recipe.evaluation.num_answers),
        max_new_tokens: targets_length,
        num_shown: recipe.evaluation.num_shown,
        z_loss: recipe.training.z_loss.unwrap_or(0.0),
    };
    run.execute(&prepared.folder, &task, batches, num_tokens, observer, |device| {
        T5ForConditionalGeneration::new(&config, device)
    })
}

type IdPair = (Vec<u32>, Vec<u32>);

fn encode_pairs(tokenizer: &Tokenizer, pairs: &[TextPair]) -> Result<Vec<IdPair>, DataError> {
    let encode = |pair: &TextPair| Ok((tokenizer.encode(&pair.input)?, tokenizer.encode(&pair.target)?));
    pairs.iter().map(encode).collect()
}

/// The first held-out inputs of each task.
fn questions(pairs: &[TextPair], num_per_task: usize) -> Vec<Question> {
    let mut tasks: Vec<&str> = pairs.iter().map(|pair| pair.task).collect();
    tasks.sort_unstable();
    tasks.dedup();
    let of_task = |task| {
        let pairs = pairs.iter().filter(move |pair| pair.task == task);
        pairs.take(num_per_task).map(|pair| Question {
            task: pair.task.to_owned(),
            input: pair.input.clone(),
            target: pair.target.clone(),
        })
    };
    tasks.into_iter().flat_map(of_task).collect()
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
        match given.as_integer().and_then(|given| usize::try_from(given).ok()) {
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
        let model = new_model(&device).materialize();
        let num_parameters = model.num_params();
        let plan = Plan {
            name: self.name.clone(),
            num_steps: recipe.training.steps,
            num_parameters,
            vocab_size: recipe.model.config.get("vocab_size").and_then(toml::Value::as_integer).unwrap_or_default() as usize,
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
