//! `lamplight tokenize`

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use lamplight_data::DataError;
use lamplight_data::source::{BadRecords, TextFile};
use lamplight_data::tokenizer::train::WordCounts;
use lamplight_training::run_folder;

use crate::arguments::TrainTokenizerArguments;
use crate::console::count;
use crate::console::progress::Progress;

/// Trains a vocabulary on texts.
pub fn train(arguments: &TrainTokenizerArguments) -> anyhow::Result<ExitCode> {
    let files = arguments.documents.files(&arguments.files)?;
    run_folder::take(&arguments.output)?;
    let reading = Mutex::new(Reading {
        bad: BadRecords::new(arguments.documents.max_bad_fraction),
        num_good: 0,
        failure: None,
        progress: Progress::new("counting words", &["documents"]),
    });
    let num_files = files.len();
    let texts = files
        .iter()
        .enumerate()
        .flat_map(|(index, file)| texts(file, index as f64 / num_files as f64, &reading));
    let counts = WordCounts::count(arguments.kind.into(), texts);
    let reading = reading.into_inner().unwrap_or_else(PoisonError::into_inner);
    reading.progress.finish();
    if let Some(failure) = reading.failure {
        return Err(failure.into());
    }
    reading.bad.finish(reading.num_good)?;
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

/// What was read so far.
struct Reading {
    bad: BadRecords,
    num_good: u64,
    /// What ended it early.
    failure: Option<DataError>,
    progress: Progress,
}

/// The texts of a file, none behind a failure.
fn texts<'a>(
    file: &TextFile,
    fraction: f64,
    reading: &'a Mutex<Reading>,
) -> impl Iterator<Item = String> + Send + use<'a> {
    let mut documents = match file.read() {
        Ok(documents) => Some(documents),
        Err(error) => {
            lock(reading).failure.get_or_insert(error);
            None
        }
    };
    std::iter::from_fn(move || {
        loop {
            let item = documents.as_mut()?.next()?;
            let mut reading = lock(reading);
            if reading.failure.is_some() {
                return None;
            }
            match reading.bad.keep(item) {
                Ok(Some(document)) => {
                    reading.num_good += 1;
                    let num_good = reading.num_good;
                    reading.progress.update(fraction, &[num_good]);
                    return Some(document.text);
                }
                Ok(None) => {}
                Err(error) => reading.failure = Some(error),
            }
        }
    })
}

fn lock(reading: &Mutex<Reading>) -> std::sync::MutexGuard<'_, Reading> {
    reading.lock().unwrap_or_else(PoisonError::into_inner)
}
