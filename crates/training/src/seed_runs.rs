//! One recipe trained once per seed, each run in a folder of its own below one that they share, and the scores over all:
//! `seeds.json`, `compare.html` and `seed-N`.

mod spread;

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use lamplight_data::atomic_file;
use serde::{Deserialize, Serialize};

use crate::comparison::{self, Row};
use crate::evaluation::readable;
use crate::metrics::History;
use crate::progress::Observer;
use crate::recipe::Recipe;
use crate::recipe::check::refused;
use crate::report::comparison_page;
use crate::run::{Run, resume, train};
use crate::run_folder::{Origin, RunFolder, next_free, take};
use crate::{TrainingError, early_stopping};
use spread::{chosen, spreads};

pub use spread::Spread;

const RECORD: &str = "seeds.json";
const PAGE: &str = "compare.html";

/// Runs that differ in their seeds, and what they have come to.
#[derive(Debug, Serialize, Deserialize)]
pub struct SeedRuns {
    #[serde(skip)]
    folder: PathBuf,
    origin: Origin,
    /// The recipe before a run completes it, as TOML.
    recipe: String,
    seeds: Vec<u64>,
    scores: Vec<Spread>,
}

impl SeedRuns {
    /// Takes the folder that `run` names, or else the next free one, for runs with the recipe's seed and those that
    /// follow it.
    ///
    /// # Errors
    /// The folder holds something or cannot be written, or there are not so many seeds.
    pub fn create(run: &Run, num_seeds: u64) -> Result<Self, TrainingError> {
        let first = run.recipe.training.seed;
        // TOML's integers are signed.
        let Some(end) = first
            .checked_add(num_seeds)
            .filter(|end| i64::try_from(*end).is_ok())
        else {
            let expected = format!("small enough for {num_seeds} seeds from it on");
            return Err(refused("training.seed", first, &expected).into());
        };
        let folder = match &run.output {
            Some(path) => {
                take(path)?;
                path.clone()
            }
            None => next_free(&run.name)?,
        };
        let runs = Self {
            folder,
            origin: run.origin()?,
            recipe: run.recipe.to_toml()?,
            seeds: (first..end).collect(),
            scores: Vec::new(),
        };
        runs.write()?;
        Ok(runs)
    }

    /// Whether such runs were begun in this folder.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(RECORD).is_file()
    }

    /// The runs that were begun in this folder.
    ///
    /// # Errors
    /// There are none, or what they are cannot be read.
    pub fn open(folder: &Path) -> Result<Self, TrainingError> {
        let path = folder.join(RECORD);
        let text = fs::read_to_string(&path).map_err(TrainingError::io("read", &path))?;
        let failed = |error: serde_json::Error| TrainingError::io("read", &path)(error.into());
        let runs: Self = serde_json::from_str(&text).map_err(failed)?;
        Ok(Self {
            folder: folder.to_owned(),
            ..runs
        })
    }

    /// Trains the run of a seed, or goes on with it, unless it is complete already; gives whether it is complete now.
    ///
    /// # Errors
    /// As [`train`] and [`resume`].
    pub fn train(
        &self,
        seed: u64,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<bool, TrainingError> {
        let path = self.run(seed);
        if self.is_complete(seed)? {
            return Ok(true);
        }
        let summary = match resume(&path, device.clone(), observer) {
            Err(TrainingError::NotARun { .. }) => {
                let mut recipe = self.recipe()?;
                recipe.training.seed = seed;
                let run = Run {
                    name: self.origin.name.clone(),
                    recipe,
                    sources: self.origin.sources.clone(),
                    output: Some(path),
                    init_from: self.origin.init_from.clone(),
                    device: device.clone(),
                };
                train(run, observer)?
            }
            resumed => resumed?,
        };
        Ok(summary.is_complete())
    }

    /// Reads what the complete runs have come to, and writes it down with a page that compares them: the scores of the
    /// checkpoint that is best by the recipe's `checkpoints.best_score`, or else of the last one.
    ///
    /// # Errors
    /// What a run has written cannot be read, or the files cannot be written.
    pub fn collect(&mut self) -> Result<(), TrainingError> {
        let recipe = self.recipe()?;
        let score = recipe.checkpoints.best_score.as_deref();
        let mut complete = Vec::new();
        let mut evaluations = Vec::new();
        for &seed in &self.seeds {
            let mut evaluation = None;
            if self.is_complete(seed)? {
                let folder = RunFolder::open(&self.run(seed))?;
                evaluation = chosen(&History::read(&folder.metrics())?, score);
                complete.push(self.run(seed));
            }
            evaluations.push(evaluation.unwrap_or_default());
        }
        self.scores = spreads(&evaluations);
        self.write()?;
        if complete.is_empty() {
            return Ok(());
        }
        let page = comparison_page(&comparison::read(&complete)?)?;
        Ok(atomic_file::write(&self.page(), page.as_bytes())?)
    }

    /// Removes the folder again unless a run was begun in it.
    pub fn remove_if_unused(&self) {
        if self.seeds.iter().any(|seed| self.run(*seed).exists()) {
            return;
        }
        // A folder that holds something is not removed by this, and one that cannot be removed harms nobody.
        let _ = fs::remove_file(self.record());
        let _ = fs::remove_dir(&self.folder);
    }

    /// The scores as a table: a cell for each seed, then median, lowest and highest; a row of names goes first.
    pub fn table(&self) -> Vec<Row> {
        let seeds = self.seeds.iter().map(|seed| format!("seed {seed}"));
        let over_all = ["median", "lowest", "highest"].map(str::to_owned);
        let names = Row {
            name: String::new(),
            cells: seeds.chain(over_all).collect(),
        };
        let cell =
            |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
        let row = |spread: &Spread| Row {
            name: readable(&spread.name),
            cells: (spread.values.iter().copied())
                .chain([spread.median, spread.lowest, spread.highest].map(Some))
                .map(cell)
                .collect(),
        };
        std::iter::once(names)
            .chain(self.scores.iter().map(row))
            .collect()
    }

    /// The seeds, in the order of training.
    pub fn seeds(&self) -> &[u64] {
        &self.seeds
    }

    /// The scores over the seeds.
    pub fn scores(&self) -> &[Spread] {
        &self.scores
    }

    /// The folder of all.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file with the scores.
    pub fn record(&self) -> PathBuf {
        self.folder.join(RECORD)
    }

    /// The page that compares the runs.
    pub fn page(&self) -> PathBuf {
        self.folder.join(PAGE)
    }

    /// The folder of one run.
    fn run(&self, seed: u64) -> PathBuf {
        self.folder.join(format!("seed-{seed}"))
    }

    fn recipe(&self) -> Result<Recipe, TrainingError> {
        let name = self.record().display().to_string();
        Ok(Recipe::from_toml(&self.recipe, &name, &[])?)
    }

    /// Whether the run of a seed was trained to its end and has the checkpoint of it.
    fn is_complete(&self, seed: u64) -> Result<bool, TrainingError> {
        let Ok(folder) = RunFolder::open(&self.run(seed)) else {
            return Ok(false);
        };
        let name = folder.recipe().display().to_string();
        let recipe = Recipe::from_toml(&folder.recipe_text()?, &name, &[])?;
        let history = History::read(&folder.metrics())?;
        let newest = folder.checkpoints().newest_intact(&mut |_| {})?;
        Ok(newest.is_some_and(|newest| {
            early_stopping::is_complete(&recipe, newest.manifest.position.step, &history)
        }))
    }

    fn write(&self) -> Result<(), TrainingError> {
        let path = self.record();
        let failed = |error: serde_json::Error| TrainingError::io("write", &path)(error.into());
        let text = serde_json::to_string_pretty(self).map_err(failed)? + "\n";
        Ok(atomic_file::write(&path, text.as_bytes())?)
    }
}
