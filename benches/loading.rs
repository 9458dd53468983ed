//! A prepared store to batches on one core: `cargo bench -p lamplight-benches --bench loading`.
//!
//! Generated English, 16 copies of it, in stores on disk of 14 and 23 million tokens, in the page cache after the first
//! pass.

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use lamplight_data::corpus::Corpus;
use lamplight_data::loader::{
    Building, Cursor, DenoisingLoader, DenoisingSettings, ExampleSet, Loader, MaskedTokenLoader,
    MaskedTokenSettings, World,
};
use lamplight_data::objective::denoising::Denoiser;
use lamplight_data::objective::replaced_token_detection::Masking;
use lamplight_data::objective::span_corruption::SpanCorruption;
use lamplight_data::store::{Preparation, Share, Store};
use lamplight_data::synthetic;
use lamplight_data::tokenizer::{Tokenizer, train};

/// Documents of the corpus, which is written to the store many times over.
const NUM_DOCUMENTS: usize = 20_000;
const NUM_COPIES: usize = 16;
const VOCAB_SIZE: usize = 2000;
const NUM_BATCHES: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join("lamplight-benches-loading");
    let documents = synthetic::english(NUM_DOCUMENTS, 0);
    let text = write_text(&folder, &documents)?;
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();

    let unigram = train::unigram(&documents, VOCAB_SIZE)?;
    let corpus = prepare(&folder.join("unigram"), &text, &unigram)?;
    let settings = DenoisingSettings {
        denoiser: Denoiser::SpanCorruption(SpanCorruption::default()),
        inputs_length: 512,
        batch_size: 16,
    };
    let loader = DenoisingLoader::new(corpus, &unigram, settings, 0)?;
    let num_tokens = (loader.lengths().raw * settings.batch_size) as u64;
    measure(&mut criterion, "span_corruption", &loader, num_tokens);

    let word_piece = train::word_piece(&documents, VOCAB_SIZE)?;
    let corpus = prepare(&folder.join("word_piece"), &text, &word_piece)?;
    for (name, building) in [
        ("replaced_token_detection", Building::Packed),
        ("segment_pairs", Building::SegmentPairs),
    ] {
        let settings = MaskedTokenSettings {
            masking: Masking::default(),
            building,
            sequence_length: 128,
            batch_size: 128,
        };
        let corpus = Arc::clone(&corpus);
        let loader = MaskedTokenLoader::new(corpus, &word_piece, settings, 0)?;
        let batches = loader.batches_from(&Cursor::default(), World::ALONE);
        let tokens = batches
            .take(NUM_BATCHES)
            .map(|drawn| Ok(drawn?.batch.num_tokens() as u64));
        let total = tokens.sum::<Result<u64, Box<dyn Error>>>()?;
        measure(&mut criterion, name, &loader, total / NUM_BATCHES as u64);
    }
    criterion.final_summary();
    Ok(())
}

fn write_text(folder: &Path, documents: &[String]) -> Result<PathBuf, Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("text.txt");
    let once = documents.join("\n\n") + "\n\n";
    std::fs::write(&path, once.repeat(NUM_COPIES))?;
    Ok(path)
}

fn prepare(
    store: &Path,
    text: &Path,
    tokenizer: &Tokenizer,
) -> Result<Arc<Corpus>, Box<dyn Error>> {
    if store.exists() {
        std::fs::remove_dir_all(store)?;
    }
    let preparation = Preparation {
        files: &[text.to_owned().into()],
        tokenizer,
        folder: store,
        share: Share::WHOLE,
        max_bad_fraction: 0.0,
        shard_text_bytes: 8 << 20,
    };
    preparation.run(&mut |_| {})?;
    let corpus = Store::corpus(vec![Store::open(store)?])?;
    Ok(Arc::new(corpus))
}

/// Times batches one after the other, each about `num_tokens` of text.
fn measure<E: ExampleSet>(
    criterion: &mut Criterion,
    name: &str,
    loader: &Loader<E>,
    num_tokens: u64,
) {
    let mut group = criterion.benchmark_group("loading");
    group.throughput(Throughput::Elements(num_tokens));
    let mut batches = loader.batches_from(&Cursor::default(), World::ALONE);
    group.bench_function(name, |bencher| {
        bencher.iter(|| black_box(batches.next().map(|drawn| drawn.is_ok())));
    });
    group.finish();
}
