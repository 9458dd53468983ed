//! `lamplight train --seeds`: the same run with several seeds, and a table of the scores over them.

use std::io::{Write, stdout};
use std::process::ExitCode;

use burn::tensor::Device;
use lamplight_training::run::Run;
use lamplight_training::seed_runs::SeedRuns;

use crate::arguments::TrainArguments;
use crate::{INTERRUPTED, compare, interrupt, train};

/// Trains a run with so many seeds.
pub fn start(run: &Run, num_seeds: u64, arguments: &TrainArguments) -> anyhow::Result<ExitCode> {
    let runs = SeedRuns::create(run, num_seeds)?;
    go_on(runs, &run.device, arguments)
}

/// Trains every seed that is not complete, and shows what all have come to.
pub fn go_on(
    mut runs: SeedRuns,
    device: &Device,
    arguments: &TrainArguments,
) -> anyhow::Result<ExitCode> {
    interrupt::listen()?;
    let mut is_complete = true;
    for &seed in runs.seeds() {
        let trained = train::observed(arguments, |observer| runs.train(seed, device, observer));
        if trained.is_err() {
            runs.remove_if_unused();
        }
        is_complete = trained?;
        if !is_complete {
            break;
        }
    }
    runs.collect()?;
    print(&runs, is_complete)?;
    Ok(match is_complete {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(INTERRUPTED),
    })
}

fn print(runs: &SeedRuns, is_complete: bool) -> std::io::Result<()> {
    let mut out = stdout().lock();
    if !runs.scores().is_empty() {
        for line in compare::aligned(&runs.table()) {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "\nscores  {}", runs.record().display())?;
        writeln!(out, "page    {}", runs.page().display())?;
    }
    if !is_complete {
        let folder = runs.folder().display();
        writeln!(
            out,
            "interrupted; to go on: lamplight train --resume {folder}"
        )?;
    }
    Ok(())
}
