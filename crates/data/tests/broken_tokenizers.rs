//! Tokenizers that nothing can be done with: refused when their folder is read, with the file's name and the reason.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use lamplight_data::{DataError, tokenizer::Tokenizer};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{fs, path::Path, time::Instant};
use tempfile::TempDir;

fn word_piece() -> Value {
    json!({
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": { "[PAD]": 0, "[UNK]": 1, "a": 2 },
        },
    })
}

fn unigram() -> Value {
    json!({
        "version": "1.0",
        "added_tokens": [],
        "model": {
            "type": "Unigram",
            "unk_id": 2,
            "byte_fallback": false,
            "vocab": [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], ["a", -1.0], ["<extra_id_0>", 0.0]],
        },
    })
}

fn with(mut file: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    file.pointer_mut(parent).unwrap()[key] = value;
    file
}

fn folder(name: &str, contents: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(name), contents).unwrap();
    folder
}

fn read(file: &Value) -> Result<Tokenizer, DataError> {
    Tokenizer::from_folder(folder("tokenizer.json", file.to_string().as_bytes()).path())
}

/// The error names the file and says why.
fn check_refused(folder: &Path, name: &str, reason: &str) {
    let error = Tokenizer::from_folder(folder).unwrap_err();
    assert!(
        matches!(error, DataError::InvalidTokenizer { .. }),
        "{error:?}"
    );
    let message = error.to_string();
    assert!(
        message.contains(name) && message.contains(reason),
        "{message}"
    );
}

fn check_file_refused(file: &Value, reason: &str) {
    let text = file.to_string();
    check_refused(
        folder("tokenizer.json", text.as_bytes()).path(),
        "tokenizer.json",
        reason,
    );
}

#[test]
fn the_files_that_the_tests_break_are_sound() {
    assert_eq!(read(&word_piece()).unwrap().encode("a b").unwrap(), [2, 1]);
    assert_eq!(read(&unigram()).unwrap().vocab_size(), 5);
}

#[test]
fn two_tokens_with_one_id_are_refused() {
    let file = with(word_piece(), "/model/vocab/b", json!(2));
    check_file_refused(&file, "\"a\" and \"b\" share the id 2");
}

#[test]
fn a_token_that_stands_there_twice_is_refused() {
    let text = word_piece()
        .to_string()
        .replace("\"a\":2", "\"a\":2,\"a\":3");
    check_refused(
        folder("tokenizer.json", text.as_bytes()).path(),
        "tokenizer.json",
        "\"a\" stands in the vocabulary twice",
    );
    let vocabulary = json!([["<pad>", 0.0], ["a", 0.0], ["<unk>", 0.0], ["a", -1.0]]);
    check_file_refused(
        &with(unigram(), "/model/vocab", vocabulary),
        "\"a\" stands in the vocabulary twice",
    );
    let lines = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n[SEP]\n";
    check_refused(
        folder("vocab.txt", lines).path(),
        "vocab.txt",
        "\"[SEP]\" stands on lines 4 and 7",
    );
}

#[test]
fn ids_that_no_model_has_rows_for_are_refused() {
    for id in [u64::from(u32::MAX), 1 << 24] {
        check_file_refused(
            &with(word_piece(), "/model/vocab/b", json!(id)),
            &format!("id {id} is too high"),
        );
    }
    check_file_refused(
        &with(word_piece(), "/model/vocab/b", json!(1_u64 << 40)),
        "",
    );
}

#[test]
fn gaps_count_as_rows_and_stand_for_nothing() {
    let tokenizer = read(&with(word_piece(), "/model/vocab/b", json!(9))).unwrap();
    assert_eq!(tokenizer.vocab_size(), 10);
    assert_eq!(tokenizer.token(5), None);
    assert_eq!(tokenizer.encode("b a").unwrap(), [9, 2]);
    assert_eq!(tokenizer.decode(&[5, 2, 10], false).unwrap(), "a");
    let saved = TempDir::new().unwrap();
    tokenizer.save(saved.path()).unwrap();
    assert!(!saved.path().join("vocab.txt").exists());
    assert_eq!(
        Tokenizer::from_folder(saved.path()).unwrap().vocab_size(),
        10
    );
}

#[test]
fn added_tokens_with_ids_of_their_own_are_refused() {
    let added = |id: u64| {
        let token = json!({
            "id": id, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": false,
        });
        with(word_piece(), "/added_tokens", json!([token]))
    };
    assert_eq!(read(&added(3)).unwrap().encode("a <x>").unwrap(), [2, 3]);
    check_file_refused(&added(2), "\"<x>\" has id 2, which is that of \"a\"");
    check_file_refused(&added(50), "\"<x>\" has id 50, but would get 3");
    // With a gap the crate would number the token into it and then onto the next one.
    let gap = with(added(3), "/model/vocab/b", json!(3));
    check_file_refused(&with(gap, "/model/vocab/a", json!(9)), "");
}

#[test]
fn a_model_without_its_unknown_token_is_refused() {
    check_file_refused(
        &with(word_piece(), "/model/unk_token", json!("[NONE]")),
        "UNK",
    );
    check_file_refused(&with(unigram(), "/model/unk_id", Value::Null), "unk_id");
    check_file_refused(&with(unigram(), "/model/unk_id", json!(99)), "UnkId");
}

fn splitting(pattern: &str) -> Value {
    let split = json!({
        "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false,
    });
    with(
        word_piece(),
        "/pre_tokenizer",
        json!({ "type": "Sequence", "pretokenizers": [split] }),
    )
}

#[test]
fn patterns_that_search_by_trying_are_refused() {
    for pattern in [
        r"(?=x)(a+)+$",
        r"(a)\1",
        r"(?>a+)b",
        "(",
        r"(\w{1000}){1000}",
    ] {
        check_file_refused(&splitting(pattern), "linear time");
    }
    let replacing = json!({ "type": "Replace", "pattern": { "Regex": r"(?!a)b" }, "content": "" });
    check_file_refused(
        &with(word_piece(), "/normalizer", replacing.clone()),
        "linear time",
    );
    check_file_refused(&with(word_piece(), "/decoder", replacing), "linear time");
}

#[test]
fn the_other_patterns_take_no_longer_than_the_text() {
    for pattern in [r"(a+)+$", r"(a|a)*b", r"(a*)*b", r"\p{L}+"] {
        let tokenizer = read(&splitting(pattern)).unwrap();
        let start = Instant::now();
        tokenizer.encode(&("a".repeat(20_000) + "!")).unwrap();
        assert!(
            start.elapsed().as_secs() < 20,
            "{pattern}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn a_very_long_token_is_refused() {
    let token = "a".repeat(1 << 22);
    check_file_refused(
        &with(word_piece(), &format!("/model/vocab/{token}"), json!(3)),
        "1024",
    );
    let vocabulary = json!([["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], [token, 0.0]]);
    check_file_refused(&with(unigram(), "/model/vocab", vocabulary), "1024");
}

#[test]
fn damaged_character_maps_are_refused() {
    // Its size past its end; a size past any memory; a table that points outside itself.
    for charsmap in ["EAAAAAAAAAA=", "////////", "AAAAAA==", "BAAAAP///38=", "!"] {
        let normalizer = json!({ "type": "Precompiled", "precompiled_charsmap": charsmap });
        let file = with(unigram(), "/normalizer", normalizer);
        check_file_refused(&file, "");
        let vocabulary = json!([["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]);
        check_file_refused(&with(file, "/model/vocab", vocabulary), "");
    }
}

#[test]
fn a_pipeline_that_cannot_run_is_refused() {
    let lengths = json!({ "type": "FixedLength", "length": 0 });
    check_file_refused(&with(word_piece(), "/pre_tokenizer", lengths), "panicked");
}

#[test]
fn special_tokens_past_the_vocabulary_are_refused() {
    let template = json!({
        "type": "TemplateProcessing",
        "single": [{ "Sequence": { "id": "A", "type_id": 0 } }],
        "pair": [
            { "Sequence": { "id": "A", "type_id": 0 } },
            { "SpecialToken": { "id": "[SEP]", "type_id": 0 } },
            { "Sequence": { "id": "B", "type_id": 0 } },
        ],
        "special_tokens": { "[SEP]": { "id": "[SEP]", "ids": [3], "tokens": ["[SEP]"] } },
    });
    check_file_refused(&with(word_piece(), "/post_processor", template), "the id 3");
}

#[test]
fn nesting_without_end_is_refused() {
    let (open, close) = (
        r#"{"type":"Sequence","normalizers":["#.repeat(5000),
        "]}".repeat(5000),
    );
    let text =
        word_piece()
            .to_string()
            .replacen('{', &format!("{{\"normalizer\":{open}{close},"), 1);
    check_refused(
        folder("tokenizer.json", text.as_bytes()).path(),
        "tokenizer.json",
        "recursion",
    );
}

#[test]
fn lengths_that_a_file_was_last_used_with_do_not_matter() {
    let truncation =
        json!({ "max_length": 0, "stride": 5, "strategy": "LongestFirst", "direction": "Right" });
    let tokenizer = read(&with(word_piece(), "/truncation", truncation)).unwrap();
    assert_eq!(tokenizer.encode("a a").unwrap(), [2, 2]);
}

/// A piece of a SentencePiece file, by the rules of protocol buffers.
fn piece(text: &str, kind: u8) -> Vec<u8> {
    let score_and_kind = [0x15, 0, 0, 0x80, 0xbf, 0x18, kind];
    let message = [delimited(text.as_bytes()), score_and_kind.into()].concat();
    delimited(&message)
}

/// Field 1 with its length.
fn delimited(bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![0x0a];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend(bytes);
    field
}

fn sentence_piece(last: &str) -> Vec<u8> {
    [
        piece("<pad>", 3),
        piece("</s>", 3),
        piece("<unk>", 2),
        piece("a", 1),
        piece(last, 1),
    ]
    .concat()
}

#[test]
fn broken_pieces_and_absurd_numbers_of_sentinels_are_refused() {
    let folder = folder("spiece.model", &sentence_piece("b"));
    assert_eq!(
        Tokenizer::from_folder(folder.path()).unwrap().vocab_size(),
        105
    );
    for count in ["1000000000000", "-1", "\"many\""] {
        let config = format!("{{\"extra_ids\": {count}}}");
        fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
        check_refused(folder.path(), "tokenizer_config.json", "extra_ids");
    }
    fs::remove_file(folder.path().join("tokenizer_config.json")).unwrap();
    for (last, reason) in [
        ("a", "twice"),
        ("", "empty"),
        ("<extra_id_7>", "\"<extra_id_7>\""),
    ] {
        fs::write(folder.path().join("spiece.model"), sentence_piece(last)).unwrap();
        check_refused(folder.path(), "spiece.model", reason);
    }
    fs::write(
        folder.path().join("spiece.model"),
        sentence_piece(&"a".repeat(1 << 22)),
    )
    .unwrap();
    check_refused(folder.path(), "spiece.model", "1024");
}

/// One byte of a sound file is another.
fn damaged(name: &'static str, sound: Vec<u8>) -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    (0..sound.len(), any::<u8>()).prop_map(move |(at, byte)| {
        let mut bytes = sound.clone();
        bytes[at] = byte;
        (name, bytes)
    })
}

fn any_damaged() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let fixture = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(name);
        fs::read(path).unwrap()
    };
    prop_oneof![
        damaged("tokenizer.json", fixture("word_piece/tokenizer.json")),
        damaged("tokenizer.json", word_piece().to_string().into_bytes()),
        damaged("tokenizer.json", unigram().to_string().into_bytes()),
        damaged("spiece.model", sentence_piece("b")),
        damaged("sentencepiece.model", sentence_piece("b")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn a_damaged_byte_is_an_error_or_gives_ids_below_the_size((name, bytes) in any_damaged(), text in any::<String>()) {
        if let Ok(tokenizer) = Tokenizer::from_folder(folder(name, &bytes).path()) {
            let ids = tokenizer.encode(&text).unwrap_or_default();
            prop_assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()));
        }
    }
}
