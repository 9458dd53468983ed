//! `lamplight tokenize`

use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use lamplight_data::DataError;
use lamplight_data::source::{self, BadRecords, ReadSettings};
use lamplight_data::tokenizer::train::WordCounts;
use lamplight_training::run_folder;

use crate::arguments::TrainTokenizerArguments;
use crate::console::count;
use crate::console::progress::Progress;

/// Trains a vocabulary on texts.
pub fn train(arguments: &TrainTokenizerArguments) -> anyhow::Result<ExitCode> {
    let files = source::expand(&arguments.files)?;
    let settings = ReadSettings {
        text_field: arguments.field.clone(),
        ..ReadSettings::default()
    };
    run_folder::take(&arguments.output)?;
    let reading = Mutex::new(Reading::new(arguments.max_bad_fraction));
    let texts = files.iter().flat_map(|file| texts(file, &settings, &reading));
    let counts = WordCounts::count(arguments.kind.into(), texts);
    let reading = reading.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    reading.finish()?;
    let counts = counts?;
    let num_distinct = count(counts.num_distinct() as f64);
    writeln!(stderr(), "training on {num_distinct} distinct words")?;
    let tokenizer = counts.train(arguments.vocab_size)?;
    tokenizer.save(&arguments.output)?;
    writeln!(
        stdout(),
        "vocabulary of {}\ntokenizer  {}",
        tokenizer.vocab_size(),
        arguments.output.display()
    )?;
    Ok(ExitCode::SUCCESS)
}
