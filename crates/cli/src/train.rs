//! `lamplight train`

use std::process::ExitCode;

use lamplight_training::recipe::Recipe;
use lamplight_training::run::{Run, RunSummary, resume, train};
use lamplight_training::texts::Sources;

use crate::arguments::TrainArguments;
use crate::console::Console;
use crate::{INTERRUPTED, interrupt, quickstart, summary};

/// Trains one recipe, or the quickstart.
pub fn run(arguments: &TrainArguments) -> anyhow::Result<ExitCode> {
    if let Some(folder) = &arguments.resume {
        let device = arguments.device.open()?;
        interrupt::listen()?;
        return finish(resume(folder, device, &mut Console::new())?);
    }
    let Some(recipe) = &arguments.recipe else {
        return quickstart::run(arguments);
    };
    let (name, recipe) = Recipe::load(recipe, &arguments.overrides)?;
    let run = Run {
        name,
        recipe,
        sources: Sources {
            data: arguments.data.clone(),
            valid: arguments.valid.clone(),
            tokenizer: arguments.tokenizer.clone(),
        },
        output: arguments.output.clone(),
        device: arguments.device.open()?,
    };
    interrupt::listen()?;
    finish(execute(run)?)
}

/// Shows what a run has come to.
fn finish(run: RunSummary) -> anyhow::Result<ExitCode> {
    summary::print(std::slice::from_ref(&run), &run.folder.report())?;
    Ok(exit_code(&run))
}

/// Trains with live progress.
pub fn execute(run: Run) -> anyhow::Result<RunSummary> {
    Ok(train(run, &mut Console::new())?)
}

/// What the shell is told of a run that has ended without an error.
pub fn exit_code(run: &RunSummary) -> ExitCode {
    if run.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INTERRUPTED)
    }
}
