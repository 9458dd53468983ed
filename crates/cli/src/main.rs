//! `lamplight`: train and use T5 and ELECTRA from the command line.

mod allocator;
mod arguments;
mod bench;
mod compare;
mod console;
mod data;
mod devices;
mod dtype;
mod evaluate;
mod generate;
mod interrupt;
mod models;
mod pages;
mod pipelines;
mod quickstart;
mod seeds;
mod summary;
mod texts;
mod tokenize;
mod train;
mod verify;

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use lamplight_training::TrainingError;
use tracing_subscriber::EnvFilter;

use arguments::{Arguments, Command, DataCommand, TokenizeCommand};
use models::resolve;

/// The input was refused.
const BAD_INPUT: u8 = 2;
/// Training has diverged.
const DIVERGED: u8 = 3;
/// There is not enough memory.
const OUT_OF_MEMORY: u8 = 4;
/// Ended by a signal, with a checkpoint where training had begun: as shells report Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    allocator::keep_freed();
    let mut command = Arguments::parse().command;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(console::screen::writer)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .init();
    let fetched = command.models().into_iter().try_for_each(resolve);
    match fetched.and_then(|()| run(command)) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            exit_code(&error)
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Summarize(arguments) => pipelines::rewrite::summarize(&arguments),
        Command::Translate(arguments) => pipelines::rewrite::translate(&arguments),
        Command::Classify(arguments) => pipelines::classify::run(&arguments),
        Command::Tag(arguments) => pipelines::tag::run(&arguments),
        Command::Answer(arguments) => pipelines::answer::run(&arguments),
        Command::FillMask(arguments) => pipelines::fill_mask::run(&arguments),
        Command::Detect(arguments) => pipelines::detect::run(&arguments),
        Command::Embed(arguments) => pipelines::embed::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Data(DataCommand::Prepare(arguments)) => data::prepare::run(&arguments),
        Command::Data(DataCommand::Inspect(arguments)) => data::inspect::run(&arguments),
        Command::Data(DataCommand::Fetch(arguments)) => data::fetch::run(&arguments),
        Command::Tokenize(TokenizeCommand::Train(arguments)) => tokenize::train(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Devices => devices::run(),
    }
}

/// Somebody stopped reading, as `head` does.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<TrainingError>() {
        Some(TrainingError::Diverged { .. }) => ExitCode::from(DIVERGED),
        Some(TrainingError::OutOfMemory { .. }) => ExitCode::from(OUT_OF_MEMORY),
        // What was given is checked before the first step; what fails later is something else.
        Some(_) if interrupt::is_training() => ExitCode::FAILURE,
        _ => ExitCode::from(BAD_INPUT),
    }
}
