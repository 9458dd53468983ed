//! Text to ids on one core: `cargo bench -p lamplight-benches --bench tokenizing`.
//!
//! Generated English by default; the documents of the files in `LAMPLIGHT_BENCH_TEXT` (separated as in `PATH`) by the
//! tokenizer of the folder `LAMPLIGHT_BENCH_TOKENIZER`, where both are set. Every pass starts with a tokenizer that has
//! seen no text. `tokenizing.py` runs Hugging Face's tokenizers over the same files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

use divan::{
    Bencher, black_box,
    counter::{BytesCount, ItemsCount},
};
use lamplight_data::{
    source, synthetic,
    tokenizer::{Tokenizer, train},
};

const NUM_DOCUMENTS: usize = 20_000;
const VOCAB_SIZE: usize = 2000;

fn main() {
    divan::main();
}

/// Documents and the folder of the tokenizer to give them to.
struct Input {
    name: String,
    documents: Vec<String>,
    tokenizer: PathBuf,
}

impl fmt::Display for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

fn inputs() -> Vec<Input> {
    let variables = (
        env::var_os("LAMPLIGHT_BENCH_TEXT"),
        env::var_os("LAMPLIGHT_BENCH_TOKENIZER"),
    );
    match variables {
        (Some(files), Some(folder)) => env::split_paths(&files)
            .map(|file| of_file(&file, Path::new(&folder)))
            .collect(),
        _ => generated(),
    }
}

fn of_file(file: &Path, tokenizer: &Path) -> Input {
    let documents = source::read(file).unwrap();
    Input {
        name: file.file_name().unwrap().to_string_lossy().into_owned(),
        documents: documents.map(|document| document.unwrap().text).collect(),
        tokenizer: tokenizer.to_owned(),
    }
}

fn generated() -> Vec<Input> {
    let documents = synthetic::english(NUM_DOCUMENTS, 0);
    let unigram = train::unigram(&documents, VOCAB_SIZE).unwrap();
    let word_piece = train::word_piece(&documents, VOCAB_SIZE).unwrap();
    let inputs = [("unigram", unigram), ("word_piece", word_piece)].map(|(name, trained)| {
        let tokenizer = env::temp_dir().join(format!("lamplight-benches-{name}"));
        trained.save(&tokenizer).unwrap();
        Input {
            name: name.to_owned(),
            documents: documents.clone(),
            tokenizer,
        }
    });
    inputs.into()
}

#[divan::bench(args = inputs(), sample_count = 10, sample_size = 1)]
fn tokenizing(bencher: Bencher, input: &Input) {
    let load = || Tokenizer::from_folder(&input.tokenizer).unwrap();
    let num_bytes: usize = input.documents.iter().map(String::len).sum();
    let num_tokens = count_tokens(&load(), &input.documents);
    bencher
        .counter(BytesCount::new(num_bytes))
        .counter(ItemsCount::new(num_tokens))
        .with_inputs(load)
        .bench_refs(|tokenizer| count_tokens(tokenizer, &input.documents));
}

fn count_tokens(tokenizer: &Tokenizer, documents: &[String]) -> usize {
    let encode = |document: &String| black_box(tokenizer.encode_ordinary(document).unwrap()).len();
    documents.iter().map(encode).sum()
}
