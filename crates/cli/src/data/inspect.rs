//! `lamplight data inspect`

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::Mutex;

use lamplight_data::corpus::Corpus;
use lamplight_data::dataset::{TRAIN, text_files};
use lamplight_data::source::ReadSettings;
use lamplight_data::store::Store;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_training::inspection::{Batches, inspect};
use lamplight_training::recipe::Recipe;
use lamplight_training::texts::Sources;

use super::{examples, prepare};
use crate::arguments::InspectArguments;
use crate::console::progress::Progress;
use crate::console::{self, count};

/// Batches over which padding is measured.
const NUM_BATCHES: usize = 50;

/// Width of the longest bar of the histogram, in characters.
const BAR_WIDTH: usize = 40;

/// Shows corpora, or what a recipe makes of them.
pub fn run(arguments: &InspectArguments) -> anyhow::Result<ExitCode> {
    match &arguments.recipe {
        Some(recipe) => show_examples(recipe, arguments)?,
        None => show_corpus(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show_corpus(arguments: &InspectArguments) -> anyhow::Result<()> {
    let corpus = match arguments.data.iter().all(|path| Store::is_at(path)) {
        true => open(arguments)?,
        false => read(arguments)?,
    };
    let mut out = stdout().lock();
    writeln!(
        out,
        "{} tokens in {} documents",
        count(corpus.num_tokens() as f64),
        count(corpus.num_documents() as f64)
    )?;
    write_histogram(&mut out, &corpus)?;
    Ok(())
}

/// Opens stores, and reads every byte of them.
fn open(arguments: &InspectArguments) -> anyhow::Result<Corpus> {
    let mut stores = Vec::new();
    for path in &arguments.data {
        let store = Store::open(path)?;
        let manifest = store.manifest();
        let num_shards = manifest.shards.len();
        let progress = Mutex::new((Progress::new("checking", &["shards"]), 0));
        let verified = store.verify(|| {
            if let Ok(mut progress) = progress.lock() {
                progress.1 += 1;
                let num_checked = progress.1;
                (progress.0).update(
                    num_checked as f64 / num_shards as f64,
                    &[num_checked as u64],
                );
            }
        });
        if let Ok((progress, _)) = progress.into_inner() {
            progress.finish();
        }
        verified?;
        writeln!(
            stdout(),
            "{}: {}, vocabulary of {}, every checksum right",
            path.display(),
            prepare::summary(manifest),
            manifest.plan.vocab_size
        )?;
        stores.push(store);
    }
    Ok(Store::corpus(stores)?)
}

fn read(arguments: &InspectArguments) -> anyhow::Result<Corpus> {
    let files = text_files(&arguments.data, TRAIN, &ReadSettings::default())?;
    let Some(folder) = &arguments.tokenizer else {
        anyhow::bail!("texts are counted in tokens: name a tokenizer with --tokenizer");
    };
    let tokenizer = Tokenizer::from_folder(folder)?;
    let mut progress = Progress::new("reading", &["tokens"]);
    let corpus = Corpus::read(&files, &tokenizer, 1.0, &mut |now| {
        progress.update(now.fraction(), &[now.tokens]);
    });
    progress.finish();
    let corpus = corpus?;
    if corpus.skipped() > 0 {
        writeln!(stdout(), "{} documents could not be used", corpus.skipped())?;
    }
    Ok(corpus)
}

/// How many documents have up to 2, 4, 8 ... tokens.
fn write_histogram(out: &mut impl Write, corpus: &Corpus) -> std::io::Result<()> {
    let mut bins: Vec<usize> = Vec::new();
    for length in corpus.document_lengths() {
        let bin = length.max(1).ilog2() as usize;
        bins.resize(bins.len().max(bin + 1), 0);
        bins[bin] += 1;
    }
    let most = bins.iter().copied().max().unwrap_or(0).max(1);
    writeln!(out, "\ntokens of a document")?;
    let first = bins.iter().position(|&num| num > 0).unwrap_or(0);
    for (bin, &num) in bins.iter().enumerate().skip(first) {
        let bar = "\u{2588}".repeat((num * BAR_WIDTH).div_ceil(most));
        let range = format!("{} to {}", 1_u64 << bin, (1_u64 << (bin + 1)) - 1);
        writeln!(out, "  {range:>20}  {:>8}  {bar}", count(num as f64))?;
    }
    Ok(())
}

fn show_examples(recipe: &str, arguments: &InspectArguments) -> anyhow::Result<()> {
    let (name, recipe) = Recipe::load(recipe, &arguments.overrides)?;
    let sources = Sources {
        data: arguments.data.clone(),
        valid: Vec::new(),
        tokenizer: arguments.tokenizer.clone(),
    };
    let mut console = console::lines();
    let inspection = inspect(&name, &recipe, &sources, NUM_BATCHES, &mut console)?;
    let mut out = stdout().lock();
    match &inspection.batches {
        Batches::Seq2Seq(batches) => {
            examples::seq2seq(&mut out, batches, &inspection.tokenizer, arguments.examples)?;
        }
        Batches::Masked(batches) => {
            examples::masked(&mut out, batches, &inspection.tokenizer, arguments.examples)?;
        }
    }
    let (num_tokens, num_cells) = inspection.batches.num_tokens_and_cells();
    writeln!(
        out,
        "\n{} batches: {} tokens in {} cells, {:.1} % padding",
        inspection.batches.num_batches(),
        count(num_tokens as f64),
        count(num_cells as f64),
        100.0 * (1.0 - num_tokens as f64 / num_cells.max(1) as f64)
    )?;
    Ok(())
}
