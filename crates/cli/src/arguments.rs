//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use lamplight_layers::device::DeviceChoice;

/// Train and use T5 and ELECTRA.
#[derive(Debug, Parser)]
#[command(name = "lamplight", version, about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model; without a recipe the quickstart: a tiny ELECTRA and a tiny T5 on generated text
    Train(TrainArguments),
    /// List the devices that this build can use on this machine
    Devices,
}

/// `train`
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// A preset such as electra_small, or the path of a .toml file
    pub recipe: Option<String>,
    /// Go on with the run in this folder, from its newest checkpoint
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = ["recipe", "data", "valid", "tokenizer", "output", "overrides"]
    )]
    pub resume: Option<PathBuf>,
    /// Texts to train on: files (.jsonl, .txt, also .gz and .zst), folders or patterns
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "recipe")]
    pub data: Vec<PathBuf>,
    /// Texts to score on; without them a part of the training texts is held out
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "recipe")]
    pub valid: Vec<PathBuf>,
    /// A folder with a tokenizer; without it the recipe trains one
    #[arg(long, value_name = "DIR", requires = "recipe")]
    pub tokenizer: Option<PathBuf>,
    /// The folder to write into, empty or not there yet [default: the next free runs/RECIPE-N]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// flex, ndarray, wgpu, vulkan, metal, rocm or cuda, the last with :N for the N-th
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub device: DeviceChoice,
    /// Change a key of the recipe, as in --set training.steps=1000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}
