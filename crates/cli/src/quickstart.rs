//! `lamplight train` without a recipe: a tiny ELECTRA, then a tiny T5, on generated text.

use std::path::PathBuf;
use std::process::ExitCode;

use lamplight_training::recipe::Recipe;
use lamplight_training::run::Run;
use lamplight_training::texts::Sources;
use lamplight_training::{report, run_folder};

use crate::arguments::TrainArguments;
use crate::{interrupt, summary, train};

/// The recipes, each with the folder of its run.
const RECIPES: [(&str, &str); 2] = [("quickstart_electra", "electra"), ("quickstart_t5", "t5")];

/// Trains both and writes one report over them.
pub fn run(arguments: &TrainArguments) -> anyhow::Result<ExitCode> {
    let device = arguments.device.open()?;
    let recipes = RECIPES
        .iter()
        .map(|(name, folder)| Ok((Recipe::load(name, &arguments.overrides)?, *folder)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let parent: PathBuf = match &arguments.output {
        Some(path) => {
            run_folder::take(path)?;
            path.clone()
        }
        None => run_folder::next_free("quickstart")?,
    };
    interrupt::listen()?;
    let mut finished = Vec::new();
    for ((name, recipe), folder) in recipes {
        let run = Run {
            name,
            recipe,
            sources: Sources::default(),
            output: Some(parent.join(folder)),
            init_from: None,
            device: device.clone(),
        };
        let run = train::execute(run, arguments)?;
        let is_complete = run.is_complete();
        finished.push(run);
        if !is_complete {
            break;
        }
    }
    let page = parent.join("report.html");
    report::write(&page, &finished)?;
    summary::print(&finished, &page)?;
    Ok(finished.last().map_or(ExitCode::SUCCESS, train::exit_code))
}
