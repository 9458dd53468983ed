//! `lamplight train`

use std::process::ExitCode;

use lamplight_training::TrainingError;
use lamplight_training::progress::{Observer, Several};
use lamplight_training::recipe::Recipe;
use lamplight_training::run::{Run, RunSummary, resume, train};
use lamplight_training::seed_runs::SeedRuns;
use lamplight_training::tensorboard::TensorBoard;
use lamplight_training::texts::Sources;

use crate::arguments::TrainArguments;
use crate::{INTERRUPTED, console, interrupt, quickstart, seeds, summary};

/// Trains one recipe, or the quickstart.
pub fn run(arguments: &TrainArguments) -> anyhow::Result<ExitCode> {
    if let Some(folder) = &arguments.resume {
        let device = arguments.device.open()?;
        if SeedRuns::is_at(folder) {
            return seeds::go_on(SeedRuns::open(folder)?, &device, arguments);
        }
        interrupt::listen()?;
        let run = observed(arguments, |observer| resume(folder, device, observer))?;
        return finish(run);
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
        init_from: arguments.init_from.clone(),
        device: arguments.device.open()?,
    };
    if let Some(num_seeds) = arguments.seeds {
        return seeds::start(&run, num_seeds, arguments);
    }
    interrupt::listen()?;
    finish(execute(run, arguments)?)
}

/// Shows what a run has come to.
fn finish(run: RunSummary) -> anyhow::Result<ExitCode> {
    summary::print(std::slice::from_ref(&run), &run.folder.report())?;
    Ok(exit_code(&run))
}

/// Trains with live progress.
pub fn execute(run: Run, arguments: &TrainArguments) -> anyhow::Result<RunSummary> {
    observed(arguments, |observer| train(run, observer))
}

/// Does `work` with live progress.
pub fn observed<T>(
    arguments: &TrainArguments,
    work: impl FnOnce(&mut dyn Observer) -> Result<T, TrainingError>,
) -> anyhow::Result<T> {
    let mut console = console::open(arguments.peak_flops);
    let mut board = arguments.tensorboard.then(TensorBoard::default);
    let mut observers: Vec<&mut dyn Observer> = vec![console.as_mut()];
    observers.extend(board.as_mut().map(|board| board as &mut dyn Observer));
    let finished = work(&mut Several(observers))?;
    if let Some(Err(error)) = board.map(TensorBoard::finish) {
        console.warned(&format!(
            "the event files for TensorBoard are not whole: {error}"
        ));
    }
    Ok(finished)
}

/// What the shell is told of a run that has ended without an error.
pub fn exit_code(run: &RunSummary) -> ExitCode {
    if run.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INTERRUPTED)
    }
}
