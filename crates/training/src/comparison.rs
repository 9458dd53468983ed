//! Several runs side by side, as their folders tell of them.

use std::path::{Path, PathBuf};

use crate::TrainingError;
use crate::evaluation::{is_higher_better, readable};
use crate::metrics::{History, StepMetrics};
use crate::recipe::RecipeError;
use crate::run_folder::RunFolder;

/// A run as its folder tells of it.
#[derive(Debug, Clone)]
pub struct RecordedRun {
    /// The folder's name, or its whole path where another run has the same name.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// The resolved recipe. A table, so that runs of before a key existed can be compared, too.
    pub recipe: toml::Table,
    /// What was measured.
    pub history: History,
}

/// A line of a table: a name, and a cell for each run, which is empty where the run has no such value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What the cells are.
    pub name: String,
    /// One for each run.
    pub cells: Vec<String>,
}

/// Reads the folders of runs, finished or not.
///
/// # Errors
/// One is not the folder of a run, or its recipe or metrics cannot be understood.
pub fn read(folders: &[PathBuf]) -> Result<Vec<RecordedRun>, TrainingError> {
    let names: Vec<String> = folders.iter().map(|folder| short_name(folder)).collect();
    let is_taken = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let runs = folders.iter().zip(&names).map(|(folder, name)| {
        let run = RunFolder::open(folder)?;
        Ok(RecordedRun {
            name: match is_taken(name) {
                true => folder.display().to_string(),
                false => name.clone(),
            },
            folder: folder.clone(),
            recipe: recipe(&run.recipe())?,
            history: History::read(&run.metrics())?,
        })
    });
    runs.collect()
}

fn short_name(folder: &Path) -> String {
    let name = folder.file_name().map(|name| name.to_string_lossy());
    name.map_or_else(|| folder.display().to_string(), |name| name.into_owned())
}

fn recipe(path: &Path) -> Result<toml::Table, TrainingError> {
    let text = std::fs::read_to_string(path).map_err(TrainingError::io("read", path))?;
    toml::from_str(&text).map_err(|error| {
        TrainingError::Recipe(RecipeError::Invalid {
            origin: path.display().to_string(),
            reason: error.message().to_owned(),
        })
    })
}

/// What the runs have come to: steps, time, speed, the last loss and the best of each held-out score.
pub fn table(runs: &[RecordedRun]) -> Vec<Row> {
    let mut rows: Vec<Row> = FACTS
        .iter()
        .map(|(name, cell)| Row {
            name: (*name).to_owned(),
            cells: runs
                .iter()
                .map(|run| cell(&run.history).unwrap_or_default())
                .collect(),
        })
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for (_, evaluation) in runs.iter().flat_map(|run| &run.history.evaluations) {
        for (name, _) in &evaluation.scores {
            if is_higher_better(name).is_some() && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    for name in names {
        let cell = |run: &RecordedRun| {
            let best = best(&run.history, name);
            best.map_or_else(String::new, |(step, value)| {
                format!("{value:.4} (step {step})")
            })
        };
        rows.push(Row {
            name: format!("best {}", readable(name)),
            cells: runs.iter().map(cell).collect(),
        });
    }
    rows.retain(|row| row.cells.iter().any(|cell| !cell.is_empty()));
    rows
}

type Cell = fn(&History) -> Option<String>;

const FACTS: [(&str, Cell); 8] = [
    ("steps", |history| {
        Some(history.steps.last()?.step.to_string())
    }),
    ("tokens", |history| {
        Some(history.steps.last()?.num_tokens.to_string())
    }),
    ("time", |history| {
        Some(format!("{:.0} s", history.steps.last()?.seconds))
    }),
    ("tokens per second", |history| {
        Some(format!(
            "{:.0}",
            median(history, |step| step.tokens_per_second)?
        ))
    }),
    ("model GFLOP per second", |history| {
        let flops = median(history, |step| step.flops_per_second)?;
        (flops > 0.0).then(|| format!("{:.1}", flops / 1e9))
    }),
    ("most host memory", |history| {
        Some(format!("{} MiB", history.most_memory_bytes()? >> 20))
    }),
    ("skipped steps", |history| {
        Some(history.steps.last()?.num_skipped.to_string())
    }),
    ("last training loss", |history| {
        Some(format!("{:.4}", history.steps.last()?.loss))
    }),
];

fn median(history: &History, value: fn(&StepMetrics) -> f64) -> Option<f64> {
    let mut values: Vec<f64> = history.steps.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The best value of a held-out score, with the step it was reached after. None where the run has no such
/// score, or the score has no better and worse.
pub fn best(history: &History, name: &str) -> Option<(usize, f64)> {
    let sign = if is_higher_better(name)? { 1.0 } else { -1.0 };
    let scored = history.evaluations.iter().filter_map(|(step, evaluation)| {
        let value = evaluation.score(name)?;
        (!value.is_nan()).then_some((*step, value))
    });
    // The first of equals.
    scored.reduce(|best, next| {
        if sign * next.1 > sign * best.1 {
            next
        } else {
            best
        }
    })
}

/// The recipe's keys that do not have the same value in all runs.
pub fn differing_keys(runs: &[RecordedRun]) -> Vec<Row> {
    let recipes: Vec<Vec<(String, String)>> = runs
        .iter()
        .map(|run| {
            let mut values = Vec::new();
            flatten("", &run.recipe, &mut values);
            values
        })
        .collect();
    let mut names: Vec<&String> = recipes.iter().flatten().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    let row = |name: &String| Row {
        name: name.clone(),
        cells: recipes
            .iter()
            .map(|values| {
                let found = values.iter().find(|(known, _)| known == name);
                found.map_or_else(String::new, |(_, value)| value.clone())
            })
            .collect(),
    };
    let differs = |row: &Row| row.cells.windows(2).any(|pair| pair[0] != pair[1]);
    names.into_iter().map(row).filter(differs).collect()
}

fn flatten(section: &str, table: &toml::Table, values: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let name = match section {
            "" => key.clone(),
            section => format!("{section}.{key}"),
        };
        match value {
            toml::Value::Table(table) => flatten(&name, table, values),
            value => values.push((name, value.to_string())),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
