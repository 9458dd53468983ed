//! What commands share that read texts and write an answer to each.

pub mod explanations;
pub mod inputs;
pub mod lines;
pub mod model_folder;
pub mod windows;

use std::path::PathBuf;

use clap::Args;
use lamplight_layers::device::DeviceChoice;

/// A model, and the texts that it is asked about.
#[derive(Debug, Args)]
pub struct TextArguments {
    /// The folder of a model with its tokenizer: a checkpoint of a run, or one of Hugging Face's; or OWNER/NAME
    /// of the Hugging Face hub, also with @REVISION, which is fetched once
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// The texts; where there are none, each line of standard input is one
    #[arg(value_name = "TEXT")]
    pub texts: Vec<String>,
    /// A file with a text in each line, or JSON Lines (.jsonl), also .gz and .zst; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "texts")]
    pub input: Option<PathBuf>,
    /// The lines are JSON objects, and this field of theirs is the text [default for .jsonl: text; of answer: context]
    #[arg(long, value_name = "NAME", conflicts_with = "texts")]
    pub field: Option<String>,
    /// Write JSON Lines: the input, or all fields of its record, and the answers
    #[arg(long)]
    pub json: bool,
    /// flex, ndarray, wgpu, vulkan, metal, rocm or cuda, the last with :N for the N-th
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub device: DeviceChoice,
}

impl TextArguments {
    /// The texts on the command line; a single `-` is standard input.
    pub fn given(&self) -> &[String] {
        match self.texts.as_slice() {
            [dash] if dash == "-" => &[],
            texts => texts,
        }
    }
}
