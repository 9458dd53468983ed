//! Every row of every `expected_ids.json`: below `tests/fixtures`, and below `LAMPLIGHT_TOKENIZERS` (or the reference
//! data beside the repository) where that exists.
//!
//! What is compared follows from the columns a file has: `ids`, `decoded`, `decoded_skip_special`, `tokens`,
//! `offsets`, `pair` with `pair_ids_max48` and `pair_type_ids_max48`. Each tokenizer file of a folder is loaded on its
//! own, and once more after being saved.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod streaming;

use lamplight_data::{
    synthetic,
    tokenizer::{Tokenizer, train},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

const TOKENIZER_FILES: [&str; 4] = [
    "tokenizer.json",
    "spiece.model",
    "sentencepiece.model",
    "vocab.txt",
];
const PAIR_LENGTH: usize = 48;

#[test]
fn ids_equal_the_expected_ones_row_by_row() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut rows = check_all(&fixtures);
    assert!(rows > 0, "no rows below {}", fixtures.display());
    if let Some(folder) = reference_folder() {
        let compared = check_all(&folder);
        assert!(compared > 0, "no rows below {}", folder.display());
        rows += compared;
    }
    println!("{rows} rows compared");
}

/// Writes the two trained fixtures anew: `cargo test -p lamplight-data --test tokenizers -- --ignored`. Their ids are
/// this crate's own, so look at the difference before committing it.
#[test]
#[ignore = "writes tests/fixtures"]
fn write_fixtures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for (name, tokenizer) in trained() {
        tokenizer.save(&root.join(name)).unwrap();
        let rows: Vec<Value> = fixture_texts()
            .iter()
            .map(|text| fixture_row(&tokenizer, text))
            .collect();
        let expected = json!({ "class": name, "rows": rows });
        fs::write(
            root.join(name).join("expected_ids.json"),
            format!("{expected}\n"),
        )
        .unwrap();
    }
}

#[test]
fn training_gives_the_pieces_of_the_committed_vocabularies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for (name, trained) in trained() {
        let committed = Tokenizer::from_folder(&root.join(name)).unwrap();
        assert_eq!(pieces(&trained), pieces(&committed), "{name}");
    }
}

/// Offsets are worked out by the whole pipeline over the whole text, ids alone word by word where that is the same.
#[test]
fn ids_word_by_word_are_those_of_the_whole_text() {
    let tokenizers = every_tokenizer();
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(1000)
    });
    runner
        .run(&any_text(), |text| {
            for tokenizer in &tokenizers {
                let whole = tokenizer.encode_with_offsets(&text).unwrap().ids;
                let bare = tokenizer.encode_with_offsets("").unwrap().ids;
                let start = usize::from(bare.len() == 2);
                let ordinary = &whole[start..whole.len() - (bare.len() - start)];
                prop_assert_eq!(tokenizer.encode_ordinary(&text).unwrap(), ordinary);
                prop_assert_eq!(&tokenizer.encode(&text).unwrap(), &whole);
            }
            Ok(())
        })
        .unwrap();
}

/// Those of the committed folders, and of the reference folders where they exist.
fn every_tokenizer() -> Vec<Tokenizer> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folders = [Some(fixtures), reference_folder()].into_iter().flatten();
    let folders = folders.flat_map(|folder| fs::read_dir(folder).unwrap());
    let folders = folders
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.is_dir());
    folders
        .flat_map(|folder| tokenizers(&folder))
        .map(|(_, tokenizer)| tokenizer)
        .collect()
}

/// Text with much of what may keep two words from being cut apart.
fn any_text() -> impl Strategy<Value = String> {
    let fragments = [
        " ",
        " ",
        " ",
        "\n",
        "\t",
        "\r\n",
        "\u{a0}",
        "\u{3000}",
        "\u{301}",
        "\u{200d}",
        "\u{600}",
        "\0",
        "\u{ad}",
        "\u{2581}",
        "<extra_id_0>",
        "<pad>",
        "[MASK]",
        "the",
        "Tokenizers,",
        "\u{fb01}",
        "\u{2460}",
        "\u{e9}",
        "\u{65e5}",
    ];
    let fragment = prop_oneof![
        3 => proptest::sample::select(fragments.to_vec()).prop_map(str::to_owned),
        1 => ".{0,3}",
    ];
    proptest::collection::vec(fragment, 0..30).prop_map(|fragments| fragments.concat())
}

fn pieces(tokenizer: &Tokenizer) -> BTreeSet<String> {
    (0..tokenizer.vocab_size() as u32)
        .map(|id| tokenizer.token(id).unwrap())
        .collect()
}

fn trained() -> [(&'static str, Tokenizer); 2] {
    let english = synthetic::english(300, 0);
    let tasks = synthetic::tasks(1000, 0);
    let questions = tasks.iter().flat_map(|pair| [&pair.input, &pair.target]);
    [
        ("word_piece", train::word_piece(&english, 300).unwrap()),
        (
            "unigram",
            train::unigram(english.iter().chain(questions), 420).unwrap(),
        ),
    ]
}

fn fixture_texts() -> Vec<String> {
    let special = [
        "",
        " ",
        "a",
        "The  dogs\tbark.\n",
        "UPPER and lower",
        "caf\u{e9} na\u{ef}ve",
        "unknown: \u{65e5}\u{672c} \u{1f600}",
        "x<extra_id_0>y <extra_id_99> <extra_id_100>",
        "[CLS] a [MASK] b [SEP]",
        "<pad> </s> <unk>",
        "nul \0 bell \u{7}",
        "\u{feff}mark \u{a0}space",
        "a\u{2581}b \u{2581}c",
    ];
    let own = special.map(str::to_owned).into_iter();
    let tasks = synthetic::tasks(6, 1).into_iter().map(|pair| pair.input);
    own.chain(synthetic::english(3, 1)).chain(tasks).collect()
}

fn fixture_row(tokenizer: &Tokenizer, text: &str) -> Value {
    let encoding = tokenizer.encode_with_offsets(text).unwrap();
    let tokens: Vec<String> = encoding
        .ids
        .iter()
        .map(|&id| tokenizer.token(id).unwrap())
        .collect();
    let second = "the cats that live in the basket purr";
    let pair = tokenizer.encode_pair(text, second, PAIR_LENGTH).unwrap();
    json!({
        "text": text,
        "ids": encoding.ids,
        "tokens": tokens,
        "offsets": encoding.offsets,
        "decoded": tokenizer.decode(&encoding.ids, false).unwrap(),
        "decoded_skip_special": tokenizer.decode(&encoding.ids, true).unwrap(),
        "pair": second,
        "pair_ids_max48": pair.ids,
        "pair_type_ids_max48": pair.token_type_ids,
    })
}

fn reference_folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("LAMPLIGHT_TOKENIZERS") {
        return Some(folder.into());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/tokenizers");
    folder.is_dir().then_some(folder)
}

fn check_all(root: &Path) -> usize {
    let entries = fs::read_dir(root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.retain(|folder| folder.join("expected_ids.json").is_file());
    folders.iter().map(|folder| check_folder(folder)).sum()
}

fn check_folder(folder: &Path) -> usize {
    let expected = fs::read(folder.join("expected_ids.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let mut rows = 0;
    for (name, tokenizer) in tokenizers(folder) {
        let saved = tempfile::tempdir().unwrap();
        tokenizer.save(saved.path()).unwrap();
        let reloaded = Tokenizer::from_folder(saved.path()).unwrap();
        assert_eq!(reloaded.special(), tokenizer.special());
        assert_eq!(reloaded.vocab_size(), tokenizer.vocab_size());
        assert_eq!(reloaded.num_sentinels(), tokenizer.num_sentinels());
        for (way, tokenizer) in [("read", &tokenizer), ("saved and read", &reloaded)] {
            let compared = check_rows(
                tokenizer,
                &expected,
                &format!("{} {name} {way}", folder.display()),
            );
            println!("{} ({name}, {way}): {compared} rows", folder.display());
            rows += compared;
        }
    }
    rows
}

/// One tokenizer per tokenizer file; one of the folder as it is where there is none (ByT5).
fn tokenizers(folder: &Path) -> Vec<(&'static str, Tokenizer)> {
    let present = TOKENIZER_FILES
        .into_iter()
        .filter(|name| folder.join(name).is_file());
    let mut tokenizers: Vec<(&str, Tokenizer)> = present
        .map(|name| {
            let alone = tempfile::tempdir().unwrap();
            for name in [name, "tokenizer_config.json"] {
                if folder.join(name).is_file() {
                    fs::copy(folder.join(name), alone.path().join(name)).unwrap();
                }
            }
            (name, Tokenizer::from_folder(alone.path()).unwrap())
        })
        .collect();
    if tokenizers.is_empty() {
        tokenizers.push(("no file", Tokenizer::from_folder(folder).unwrap()));
    }
    tokenizers
}

fn check_rows(tokenizer: &Tokenizer, expected: &Value, name: &str) -> usize {
    // SentencePiece itself puts nothing around a text.
    let class = expected["class"].as_str().unwrap_or_default();
    let ordinary = class.starts_with("sentencepiece.");
    let rows = expected["rows"].as_array().unwrap();
    for row in rows {
        let text = row["text"].as_str().unwrap();
        let ids = if ordinary {
            tokenizer.encode_ordinary(text)
        } else {
            tokenizer.encode(text)
        }
        .unwrap();
        assert_eq!(ids, numbers(&row["ids"]), "{name}: ids of {text:?}");
        check_decoded(tokenizer, row, &ids, name);
        if let Some(tokens) = row.get("tokens") {
            let actual: Vec<String> = ids.iter().map(|&id| tokenizer.token(id).unwrap()).collect();
            assert_eq!(
                serde_json::to_value(actual).unwrap(),
                *tokens,
                "{name}: tokens of {text:?}"
            );
        }
        if let Some(offsets) = row.get("offsets") {
            let actual = tokenizer.encode_with_offsets(text).unwrap();
            assert_eq!(actual.ids, ids, "{name}: ids with offsets of {text:?}");
            assert_eq!(
                serde_json::to_value(actual.offsets).unwrap(),
                *offsets,
                "{name}: offsets of {text:?}"
            );
        }
        if let Some(second) = row.get("pair") {
            let second = second.as_str().unwrap();
            let pair = tokenizer.encode_pair(text, second, PAIR_LENGTH).unwrap();
            assert_eq!(
                pair.ids,
                numbers(&row["pair_ids_max48"]),
                "{name}: pair of {text:?} and {second:?}"
            );
            assert_eq!(
                pair.token_type_ids,
                numbers(&row["pair_type_ids_max48"]),
                "{name}: pair of {text:?}"
            );
        }
    }
    rows.len()
}

/// `decoded` shows special tokens where the file has the column without them beside it.
fn check_decoded(tokenizer: &Tokenizer, row: &Value, ids: &[u32], name: &str) {
    let both = row.get("decoded_skip_special").is_some();
    for (column, skip) in [("decoded", !both), ("decoded_skip_special", true)] {
        if let Some(expected) = row.get(column) {
            let actual = tokenizer.decode(ids, skip).unwrap();
            assert_eq!(
                actual,
                expected.as_str().unwrap(),
                "{name}: {column} of {}",
                row["text"]
            );
        }
    }
}

fn numbers(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}
