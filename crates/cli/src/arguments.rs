//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use lamplight_data::source::{PlainText, ReadSettings, TextFile};
use lamplight_data::store::{SHARD_TEXT_BYTES, Share};
use lamplight_data::tokenizer::train::Family;
use lamplight_data::{DataError, dataset};
use lamplight_layers::device::DeviceChoice;

use crate::bench::BenchArguments;
use crate::evaluate::EvaluateArguments;
use crate::generate::arguments::GenerateArguments;
use crate::pipelines::answer::AnswerArguments;
use crate::pipelines::classify::ClassifyArguments;
use crate::pipelines::detect::DetectArguments;
use crate::pipelines::embed::EmbedArguments;
use crate::pipelines::fill_mask::FillMaskArguments;
use crate::pipelines::rewrite::{SummarizeArguments, TranslateArguments};
use crate::pipelines::tag::TagArguments;
use crate::verify::VerifyArguments;

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
    /// Score a model on labelled records, pairs or texts
    Evaluate(Box<EvaluateArguments>),
    /// Answer texts with a T5: translate, summarize or whatever it was trained to do
    Generate(Box<GenerateArguments>),
    /// Make long texts short, with a T5
    Summarize(Box<SummarizeArguments>),
    /// Translate texts, with a T5
    Translate(Box<TranslateArguments>),
    /// Name the class of each text or pair of texts, or a number for it
    Classify(Box<ClassifyArguments>),
    /// Find entities such as names in texts
    Tag(Box<TagArguments>),
    /// Find the answers to questions in texts, with an ELECTRA
    Answer(Box<AnswerArguments>),
    /// Fill each MASK in texts, with ELECTRA's generator or a T5
    FillMask(Box<FillMaskArguments>),
    /// Mark the words that seem replaced, with ELECTRA's discriminator
    Detect(Box<DetectArguments>),
    /// Turn texts into vectors
    Embed(Box<EmbedArguments>),
    /// Lay runs over each other: a table, and a page with their curves
    Compare(CompareArguments),
    /// Prepare corpora for training, and look into them
    #[command(subcommand)]
    Data(DataCommand),
    /// Make vocabularies
    #[command(subcommand)]
    Tokenize(TokenizeCommand),
    /// Time training, decoding and what they are made of, on models of published sizes
    Bench(BenchArguments),
    /// Compare models on a device with recorded outputs and gradients of Hugging Face's
    Verify(VerifyArguments),
    /// List the devices that this build can use on this machine
    Devices,
}

/// `train`
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// A preset such as electra_small, or the path of a .toml file
    pub recipe: Option<String>,
    /// Go on with the run in this folder, from its newest checkpoint; in the folder of --seeds with those that are
    /// not complete
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = ["recipe", "data", "valid", "tokenizer", "output", "overrides"]
    )]
    pub resume: Option<PathBuf>,
    /// Texts to train on: files (.jsonl, .csv, .tsv, .parquet, .txt, also .gz and .zst), folders, patterns,
    /// data sets, or prepared stores
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "recipe")]
    pub data: Vec<PathBuf>,
    /// The same to score on; without them a part of the training texts is held out
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
    /// Train N times, with the recipe's seed and those that follow it, each in the folder seed-N of the output, and
    /// show the median and the range of the scores. Name --valid, or each seed holds out texts of its own
    #[arg(
        long,
        value_name = "N",
        requires = "recipe",
        conflicts_with = "resume",
        value_parser = clap::value_parser!(u64).range(1..=1000)
    )]
    pub seeds: Option<u64>,
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

/// `data`
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Tokenise texts once, into a folder that `train --data` reads at any size
    Prepare(PrepareArguments),
    /// Download a data set of the Hugging Face hub
    Fetch(FetchArguments),
    /// Show what a prepared store or files of text hold, and what a recipe makes of them
    Inspect(InspectArguments),
}

/// `data inspect`
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// Prepared stores, or texts: files, folders or patterns; without any the recipe's generated corpus
    #[arg(value_name = "PATH", required_unless_present = "recipe")]
    pub data: Vec<PathBuf>,
    /// Show examples as training with this recipe would see them: a preset, or the path of a .toml file
    #[arg(long, value_name = "RECIPE")]
    pub recipe: Option<String>,
    /// The folder of a tokenizer; a store has its own
    #[arg(long, value_name = "DIR")]
    pub tokenizer: Option<PathBuf>,
    /// How many examples to show
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub examples: usize,
    /// Change a key of the recipe, as in --set data.inputs_length=128
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "recipe")]
    pub overrides: Vec<String>,
}

/// `data prepare`
#[derive(Debug, Args)]
pub struct PrepareArguments {
    /// Texts: files (.jsonl, .csv, .tsv, .parquet, .txt, also .gz and .zst), folders, patterns or data sets
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub documents: DocumentArguments,
    /// The folder of a tokenizer
    #[arg(long, value_name = "DIR")]
    pub tokenizer: PathBuf,
    /// The folder to write into: new, or with a store that was begun from the same files
    #[arg(long, value_name = "STORE")]
    pub output: PathBuf,
    /// Make only every N-th shard, from the I-th on, counted from zero; the last of N such calls, on any
    /// machines that share the folder, finishes the store
    #[arg(long, value_name = "I/N", default_value = "0/1", value_parser = share)]
    pub shard: Share,
    /// Mebibytes of text after which a shard ends
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = SHARD_TEXT_BYTES >> 20,
        value_parser = clap::value_parser!(u64).range(1..1 << 20)
    )]
    pub shard_size: u64,
}

/// What documents are.
#[derive(Debug, Args)]
pub struct DocumentArguments {
    /// The field of a record that holds the text; a data set says so itself
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub field: String,
    /// Each file of plain text is one document, rather than each block between blank lines
    #[arg(long)]
    pub whole_files: bool,
    /// The split of data sets
    #[arg(long, value_name = "NAME", default_value = dataset::TRAIN)]
    pub split: String,
    /// Share of the documents that may be unusable (no UTF-8, no JSON); ten always may
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub max_bad_fraction: f64,
}

impl DocumentArguments {
    /// The files that paths and patterns name.
    pub fn files(&self, patterns: &[PathBuf]) -> Result<Vec<TextFile>, DataError> {
        let settings = ReadSettings {
            text_field: self.field.clone(),
            plain_text: match self.whole_files {
                true => PlainText::Files,
                false => PlainText::Blocks,
            },
        };
        dataset::text_files(patterns, &self.split, &settings)
    }
}

/// `data fetch`
#[derive(Debug, Args)]
pub struct FetchArguments {
    /// A manifest such as datasets/sst2.toml, or hub:OWNER/NAME, also with @REVISION
    #[arg(value_name = "DATASET")]
    pub dataset: String,
    /// The folder to write into; a fetch that was broken off goes on there
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Only files that match one of these patterns; of hub:OWNER/NAME only
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<String>,
}

/// `tokenize`
#[derive(Debug, Subcommand)]
pub enum TokenizeCommand {
    /// Train a vocabulary on texts, with the special tokens of its family
    Train(TrainTokenizerArguments),
}

/// `tokenize train`
#[derive(Debug, Args)]
pub struct TrainTokenizerArguments {
    /// Texts, as for data prepare
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub documents: DocumentArguments,
    /// unigram for T5, word-piece for ELECTRA
    #[arg(long, value_name = "KIND")]
    pub kind: VocabularyKind,
    /// Pieces at most, special tokens and sentinels included
    #[arg(long, value_name = "N")]
    pub vocab_size: usize,
    /// The folder to write into, empty or not there yet
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
}

/// The kind of a vocabulary.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum VocabularyKind {
    /// T5's, as SentencePiece trains it.
    Unigram,
    /// ELECTRA's, lower-casing.
    WordPiece,
}

impl From<VocabularyKind> for Family {
    fn from(kind: VocabularyKind) -> Self {
        match kind {
            VocabularyKind::Unigram => Self::Unigram,
            VocabularyKind::WordPiece => Self::WordPiece,
        }
    }
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

fn share(text: &str) -> Result<Share, String> {
    let numbers = text.split_once('/').and_then(|(index, count)| {
        let share = Share {
            index: index.parse().ok()?,
            count: count.parse().ok()?,
        };
        (share.index < share.count).then_some(share)
    });
    numbers.ok_or_else(|| "expected I/N with I below N, such as 0/4".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a number above 0, such as 1e12".to_owned()),
    }
}
