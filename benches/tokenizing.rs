//! Text to ids on one core: `cargo bench -p lamplight-benches --bench tokenizing`.
//!
//! Generated English by default; the documents of the files in `LAMPLIGHT_BENCH_TEXT` (separated as in `PATH`) by the
//! tokenizer of the folder `LAMPLIGHT_BENCH_TOKENIZER`, where both are set. Every pass starts with a tokenizer that has
//! seen no text. `tokenizing.py` runs Hugging Face's tokenizers over the same files.

use std::{env, error::Error, hint::black_box, path::Path};

use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use lamplight_data::{
    DataError, source, synthetic,
    tokenizer::{Tokenizer, train},
};

const NUM_DOCUMENTS: usize = 20_000;
const VOCAB_SIZE: usize = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("tokenizing");
    match (
        env::var_os("LAMPLIGHT_BENCH_TEXT"),
        env::var_os("LAMPLIGHT_BENCH_TOKENIZER"),
    ) {
        (Some(files), Some(folder)) => {
            let folder = Path::new(&folder);
            for file in env::split_paths(&files) {
                let documents = source::read(&file)?
                    .map(|document| Ok(document?.text))
                    .collect::<Result<Vec<String>, DataError>>()?;
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                measure(&mut group, &name, &documents, || {
                    Tokenizer::from_folder(folder)
                })?;
            }
        }
        _ => {
            let documents = synthetic::english(NUM_DOCUMENTS, 0);
            let unigram = train::unigram(&documents, VOCAB_SIZE)?;
            let word_piece = train::word_piece(&documents, VOCAB_SIZE)?;
            for (name, trained) in [("unigram", unigram), ("word_piece", word_piece)] {
                let folder = env::temp_dir().join(format!("lamplight-benches-{name}"));
                trained.save(&folder)?;
                measure(&mut group, name, &documents, || {
                    Tokenizer::from_folder(&folder)
                })?;
            }
        }
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    documents: &[String],
    load: impl Fn() -> Result<Tokenizer, DataError>,
) -> Result<(), DataError> {
    let num_bytes = documents.iter().map(String::len).sum::<usize>() as u64;
    let num_tokens = count_tokens(&load()?, documents)?;
    group.throughput(Throughput::ElementsAndBytes {
        elements: num_tokens,
        bytes: num_bytes,
    });
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            &load,
            |tokenizer| tokenizer.and_then(|tokenizer| count_tokens(&tokenizer, documents)),
            BatchSize::PerIteration,
        );
    });
    Ok(())
}

fn count_tokens(tokenizer: &Tokenizer, documents: &[String]) -> Result<u64, DataError> {
    let mut num_tokens = 0;
    for document in documents {
        num_tokens += black_box(tokenizer.encode_ordinary(document)?).len() as u64;
    }
    Ok(num_tokens)
}
