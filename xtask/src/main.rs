//! The project's tasks, run as `cargo xtask TASK`. This program never links Burn: it builds in seconds and starts cargo.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program speaks through its output"
)]

mod bench;
mod check;
mod device;
mod docs;
mod gpu_suite;
mod llvm;
mod loss_compare;
mod process;
mod test;
mod tidy;
mod train;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use xshell::Shell;

use crate::check::StepName;
use crate::device::Device;

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask",
    about = "The project's tasks",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run what CI runs, cheapest first
    Check {
        /// Leave a step out (may be repeated)
        #[arg(long, value_name = "STEP")]
        skip: Vec<StepName>,
    },
    /// Build for a device and train; without arguments this is the quickstart
    Train {
        /// Arguments of `lamplight train`, among them `--device` (ask `cargo xtask train -- --help`)
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the tests, on flex or on the devices named
    Test {
        /// Run the tests that use a device on this one (may be repeated: one build, one run each)
        #[arg(long, value_name = "DEVICE")]
        device: Vec<Device>,
        /// Arguments for the test programs, after `--`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// List the devices of this machine
    Devices {
        /// Look for this kind of device too: it is compiled in first (may be repeated)
        #[arg(long, value_name = "DEVICE")]
        device: Vec<Device>,
    },
    /// Train the same recipe at another revision and now, and show which losses differ
    LossCompare(loss_compare::Arguments),
    /// Time the workloads of `lamplight bench` on devices and beside other libraries, into one table
    Bench(bench::Arguments),
    /// Pack what a machine with a GPU needs to verify, time and train, into a folder that can be sent
    GpuSuite(gpu_suite::Arguments),
    /// Put the distribution's LLVM where a build with `cuda` looks for one, which else downloads it
    Llvm,
    /// Check the rules of the workspace: names, dependency direction, sizes, forbidden code
    Tidy,
    /// Build the API documentation, and the book where mdbook is installed
    Docs,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match process::forget_package().and_then(|()| run(arguments.task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    // `train` and `devices` stay in the caller's folder, so that relative paths among their arguments hold.
    let shell = Shell::new()?;
    if let Task::Train { arguments } = &task {
        return train::train(arguments);
    }
    if let Task::Devices { device } = &task {
        return train::devices(device);
    }
    shell.change_dir(root()?);
    match task {
        Task::Check { skip } => check::run(&shell, &skip),
        Task::Test { device, arguments } => test::run(&shell, &device, &arguments),
        Task::LossCompare(arguments) => loss_compare::run(&shell, &arguments),
        Task::Bench(arguments) => bench::run(&shell, &arguments),
        Task::GpuSuite(arguments) => gpu_suite::run(&shell, &arguments),
        Task::Llvm => llvm::run(&shell),
        Task::Tidy => tidy::run(&shell),
        Task::Docs => docs::run(&shell),
        Task::Train { .. } | Task::Devices { .. } => Ok(()),
    }
}

/// The program that a release build gives.
fn program() -> Result<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || root().map(|root| root.join("target")),
        |folder| Ok(PathBuf::from(folder)),
    )?;
    Ok(target.join("release/lamplight"))
}

/// The workspace's folder.
fn root() -> Result<PathBuf> {
    let own_folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own_folder
        .parent()
        .map(PathBuf::from)
        .context("xtask lies in the workspace's folder")
}
