//! Scores of a model in a folder on data of one's own, without any training: the numbers that training would
//! write of the same weights.

mod heads;
mod pairs;
mod texts;
mod watch;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::Device;
use lamplight_data::dataset::HELD_OUT;
use lamplight_data::source::BadRecords;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_layers::config::{from_file, from_json};
use lamplight_layers::pretrained::PretrainedError;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::TrainingError;
use crate::evaluation::metrics::Metric;
use crate::progress::Observer;
use crate::recipe::{Family, Objective, Recipe};
use crate::texts::{Found, find};

/// Examples of a batch where neither the request nor a recipe says it.
const BATCH_SIZE: usize = 32;

/// Which model is scored on what.
#[derive(Debug, Clone)]
pub struct ScoreRequest {
    /// The folder of a model with its tokenizer, or of the two models of ELECTRA's pre-training.
    pub model: PathBuf,
    /// Files, folders and patterns, data sets (their split `held_out`), or prepared stores.
    pub data: Vec<PathBuf>,
    /// How examples are made; without it as in the run that the model is a checkpoint of, where it is one.
    pub recipe: Option<Recipe>,
    /// Only so many of the first records; of plain texts only so many rows, in whole batches.
    pub limit: Option<usize>,
    /// Examples of a batch; without it as many as the recipe says, else 32.
    pub batch_size: Option<usize>,
    /// How T5 answers pairs.
    pub answering: Answering,
    /// The device.
    pub device: Device,
}

/// How T5 answers inputs, and how its answers are scored; what is not said is as in the recipe.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answering {
    /// What scores answers beside exact match, and what tasks of the T5 paper are scored by.
    pub metrics: Vec<Metric>,
    /// Beams of the search for an answer; where nothing says it the best token is taken each time.
    pub num_beams: Option<usize>,
    /// Tokens of an answer at most; 128 where nothing says it.
    pub max_new_tokens: Option<usize>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// What the model was asked to do.
    pub objective: Objective,
    /// Names and values, in the order of a report.
    pub scores: Vec<(String, f64)>,
    /// Records that were scored; of plain texts rows.
    pub num_examples: usize,
    /// What it took, reading left out.
    pub seconds: f64,
    /// What was said of each record; nothing of plain texts.
    pub predictions: Vec<Prediction>,
}

/// What a model said of a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// What it was given.
    pub input: Value,
    /// What it said.
    pub prediction: Value,
    /// What is right; a list where several answers are.
    pub reference: Value,
}

/// Scores the model on the data. What is scored follows from the model's `config.json` and from the records.
///
/// # Errors
/// The folder holds no model that can be scored on such data, a file cannot be read, a record has a label that
/// the model does not know, or a metric scores no texts: all of this before the model is asked anything.
/// [`TrainingError::Interrupted`] where the observer wants it to end.
pub fn score(request: &ScoreRequest, observer: &mut dyn Observer) -> Result<Scored, TrainingError> {
    let folder = &request.model;
    let pretraining = folder.join("discriminator");
    let is_pretraining = !folder.join("config.json").exists() && pretraining.is_dir();
    let part = if is_pretraining { &pretraining } else { folder };
    let config: Map<String, Value> =
        from_file(&part.join("config.json"), from_json).map_err(PretrainedError::from)?;
    let kind = kind(&config);
    let scorer = Scorer {
        request,
        recipe: recipe(request)?,
        tokenizer: Tokenizer::from_folder(part)?,
        observer: RefCell::new(observer),
    };
    scorer.check(&config)?;
    match kind {
        _ if is_pretraining => scorer.detection(),
        Kind::T5 if pairs::are_pairs(&request.data)? => scorer.pairs(),
        Kind::T5 => scorer.denoising(),
        Kind::Electra(architecture) => scorer.head(&architecture),
        Kind::Other(found) => Err(request.refused(&format!(
            "it is {found}; a T5 with a language model's head, an ELECTRA with a head for a task and the folder of \
             a pre-training are scored"
        ))),
    }
}

/// What a folder's model is.
enum Kind {
    T5,
    /// An ELECTRA of this architecture.
    Electra(String),
    /// In words.
    Other(String),
}

fn kind(config: &Map<String, Value>) -> Kind {
    let named = config.get("architectures").and_then(|names| names.get(0));
    let architecture = named.and_then(Value::as_str).unwrap_or_default();
    let family = config.get("model_type").and_then(Value::as_str);
    match family.unwrap_or_default() {
        "t5" | "mt5" | "umt5" if architecture.is_empty() => Kind::T5,
        "t5" | "mt5" | "umt5" if architecture.ends_with("ForConditionalGeneration") => Kind::T5,
        "electra" if !architecture.is_empty() => Kind::Electra(architecture.to_owned()),
        "electra" => Kind::Other("an ELECTRA whose config names no architecture".to_owned()),
        _ if !architecture.is_empty() => Kind::Other(format!("a {architecture}")),
        family => Kind::Other(format!("of the type `{family}`")),
    }
}

/// The recipe that is given, or that of the run which the model is a checkpoint of.
fn recipe(request: &ScoreRequest) -> Result<Option<Recipe>, TrainingError> {
    if request.recipe.is_some() {
        return Ok(request.recipe.clone());
    }
    let folder = crate::texts::absolute(&request.model)?;
    let checkpoints = folder.ancestors().skip(1).take(2);
    let mut checkpoints = checkpoints.filter(|folder| folder.ends_with("checkpoints"));
    let Some(run) = checkpoints.next().and_then(Path::parent) else {
        return Ok(None);
    };
    let path = run.join("recipe.toml");
    if !path.is_file() {
        return Ok(None);
    }
    let (_, recipe) = Recipe::load(&path.to_string_lossy(), &[])?;
    Ok(Some(recipe))
}

impl ScoreRequest {
    fn refused(&self, reason: &str) -> TrainingError {
        TrainingError::NotScorable {
            path: self.model.clone(),
            reason: reason.to_owned(),
        }
    }

    /// The first records, as many as are wanted.
    fn limited<R>(&self, mut records: Vec<R>) -> Vec<R> {
        records.truncate(self.limit.unwrap_or(usize::MAX));
        records
    }
}

/// Who hears of the scoring, which asks between batches whether it shall go on.
type Heard<'a> = RefCell<&'a mut dyn Observer>;

/// A model that is to be scored.
struct Scorer<'a> {
    request: &'a ScoreRequest,
    recipe: Option<Recipe>,
    tokenizer: Tokenizer,
    observer: Heard<'a>,
}

impl Scorer<'_> {
    /// That recipe and tokenizer suit the model.
    fn check(&self, config: &Map<String, Value>) -> Result<(), TrainingError> {
        let family = match config.get("model_type").and_then(Value::as_str) {
            Some("electra") => Family::Electra,
            _ => Family::T5,
        };
        let recipe = self.recipe.as_ref();
        if recipe.is_some_and(|recipe| recipe.model.family != family) {
            return Err(self
                .request
                .refused("the recipe is one of the other family"));
        }
        let vocab_size = config.get("vocab_size").and_then(Value::as_u64);
        match vocab_size.map(|size| size as usize) {
            Some(model) if model < self.tokenizer.vocab_size() => {
                Err(TrainingError::VocabularyTooLarge {
                    tokenizer: self.tokenizer.vocab_size(),
                    model,
                })
            }
            _ => Ok(()),
        }
    }

    fn files(&self, objective: Objective) -> Result<Found, TrainingError> {
        Ok(find(&self.request.data, HELD_OUT, objective)?)
    }

    /// As many bad records as training lets pass.
    fn bad_records(&self) -> BadRecords {
        let recipe = self.recipe.as_ref();
        recipe.map_or_else(BadRecords::default, |recipe| {
            BadRecords::new(recipe.data.max_bad_fraction)
        })
    }

    fn batch_size(&self) -> usize {
        let recipe = self.recipe.as_ref();
        let of_recipe = recipe.map_or(BATCH_SIZE, |recipe| recipe.training.batch_size);
        self.request.batch_size.unwrap_or(of_recipe)
    }
}

/// Does `work`, and says how many seconds it took.
fn timed<T>(work: impl FnOnce() -> Result<T, TrainingError>) -> Result<(T, f64), TrainingError> {
    let started = Instant::now();
    let done = work()?;
    Ok((done, started.elapsed().as_secs_f64()))
}
