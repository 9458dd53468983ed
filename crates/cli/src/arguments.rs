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
    /// Lay runs over each other: a table, and a page with their curves
    Compare(CompareArguments),
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
    /// A folder with weights to start from, in Hugging Face's layout and of the recipe's shapes
    #[arg(
        long,
        value_name = "DIR",
        requires = "recipe",
        conflicts_with = "resume"
    )]
    pub init_from: Option<PathBuf>,
    /// The folder to write into, empty or not there yet [default: the next free runs/RECIPE-N]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// flex, ndarray, wgpu, vulkan, metal, rocm or cuda, the last with :N for the N-th
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub device: DeviceChoice,
    /// Change a key of the recipe, as in --set training.steps=1000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Write event files for TensorBoard, too, into the folder tensorboard of the run
    #[arg(long)]
    pub tensorboard: bool,
    /// What the device can do at most, in floating-point operations per second, as in 989e12: then the
    /// share of it that the model uses (MFU) is shown
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    pub peak_flops: Option<f64>,
}

/// `compare`
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Folders of runs, finished or not
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Where to write the page; a file that is no such page is never overwritten
    #[arg(long, value_name = "FILE", default_value = "compare.html")]
    pub output: PathBuf,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a number above 0, such as 1e12".to_owned()),
    }
}
