//! Text decoded id by id is the text of all ids, whatever the tokenizer and the ids.

use super::{any_text, every_tokenizer};
use lamplight_data::tokenizer::Tokenizer;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use std::{fs, time::Instant};

#[test]
fn pieces_in_a_row_are_the_text_of_all_ids() {
    let mut tokenizers = every_tokenizer();
    tokenizers.extend(decoders().map(|decoder| with_decoder(&decoder)));
    // Shares of the vocabulary, so that one strategy serves all.
    let share = prop_oneof![3 => 0.0..1.01, 1 => 0.0..0.01, 1 => 0.98..1.0];
    check(&tokenizers, &vec(share, 0..60), |tokenizer, shares| {
        let size = tokenizer.vocab_size() as f64;
        shares.iter().map(|share| (share * size) as u32).collect()
    });
}

#[test]
fn pieces_of_a_text_are_its_text() {
    check(&every_tokenizer(), &any_text(), |tokenizer, text| {
        tokenizer.encode(text).unwrap()
    });
}

#[test]
fn bytes_of_any_kind_become_text_where_their_characters_end() {
    let byte = prop_oneof![
        2 => proptest::sample::select("aé€😀\u{fffd}\u{10ffff}".as_bytes().to_vec()),
        1 => any::<u8>(),
    ];
    let id = prop_oneof![9 => byte.prop_map(|byte| u32::from(byte) + 3), 1 => 0..400_u32];
    check(&[Tokenizer::byt5()], &vec(id, 0..24), |_, ids| ids.clone());
}

#[test]
fn words_come_with_their_space_and_clean_up() {
    let tokenizer = with_decoder(&json!({"type": "WordPiece", "prefix": "##", "cleanup": true}));
    assert_eq!(
        pieces(&tokenizer, &[4, 5, 6, 0, 4], true),
        ["a", "b", ",", "", " a"]
    );
    let tokenizer =
        with_decoder(&json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}));
    assert_eq!(
        pieces(&tokenizer, &[0, 7, 7, 4], true),
        ["", "c", " c", "a"]
    );
}

#[test]
fn characters_of_byte_level_bpe_come_once_they_are_whole() {
    let [.., byte_level] = decoders();
    let tokenizer = with_decoder(&byte_level);
    assert_eq!(
        pieces(&tokenizer, &[4, 8, 9, 10, 8], true),
        ["a", "", "é", " n't", "", "\u{fffd}"]
    );
}

/// `<pad>` between the halves of a character is in the way only where it is shown.
#[test]
fn halves_of_a_character_find_each_other_over_hidden_special_tokens() {
    let byt5 = Tokenizer::byt5();
    let ids = [0xe2 + 3, 0, 0x82 + 3, 259, 0xac + 3];
    assert_eq!(pieces(&byt5, &ids, true), ["", "", "", "", "€"]);
    assert_eq!(
        pieces(&byt5, &ids, false),
        ["", "<pad>", "", "<extra_id_0>", ""]
    );
}

#[test]
fn the_time_of_an_id_does_not_grow_with_those_before() {
    let tokenizers = every_tokenizer();
    let time = |num_ids: u32| {
        let start = Instant::now();
        for tokenizer in &tokenizers {
            let size = tokenizer.vocab_size() as u32;
            let mut stream = tokenizer.stream(false);
            for id in 0..num_ids {
                stream.push(id % size).unwrap();
            }
        }
        start.elapsed()
    };
    time(1000);
    // Decoding everything anew would take 256 times as long, and a busy machine a few times.
    assert!(time(32_000) < time(2000) * 100);
}

fn check<S>(tokenizers: &[Tokenizer], strategy: &S, ids: impl Fn(&Tokenizer, &S::Value) -> Vec<u32>)
where
    S: Strategy,
{
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(1000)
    });
    let result = runner.run(strategy, |value| {
        for tokenizer in tokenizers {
            let ids = ids(tokenizer, &value);
            for skip in [false, true] {
                let whole = tokenizer.decode(&ids, skip).unwrap();
                prop_assert_eq!(pieces(tokenizer, &ids, skip).concat(), whole);
            }
        }
        Ok(())
    });
    result.unwrap();
}

/// The text that comes with each id, and that of the end where there is any.
fn pieces(tokenizer: &Tokenizer, ids: &[u32], skip_special_tokens: bool) -> Vec<String> {
    let mut stream = tokenizer.stream(skip_special_tokens);
    let mut pieces: Vec<String> = ids.iter().map(|&id| stream.push(id).unwrap()).collect();
    pieces.extend(Some(stream.finish().unwrap()).filter(|rest| !rest.is_empty()));
    pieces
}

fn decoders() -> [Value; 6] {
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false
    });
    [
        Value::Null,
        json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never"}),
        json!({"type": "BPEDecoder", "suffix": "b"}),
        json!({"type": "Sequence", "decoders": [byte_level, {"type": "Fuse"}]}),
        byte_level,
    ]
}

/// A tokenizer of a few pieces; "Ã" and "©" are the bytes of "é" as byte-level BPE writes them.
fn with_decoder(decoder: &Value) -> Tokenizer {
    let tokens = [
        "<pad>",
        "</s>",
        "<unk>",
        "<extra_id_0>",
        "a",
        "##b",
        ",",
        "▁c",
        "Ã",
        "©",
        "Ġn't",
        "▁",
        "é",
    ];
    let vocabulary: Vec<Value> = tokens.iter().map(|token| json!([token, -1.0])).collect();
    let special = |id: usize| {
        json!({
            "id": id, "content": tokens[id], "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true
        })
    };
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": (0..4).map(special).collect::<Vec<_>>(),
        "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": decoder,
        "model": {"type": "Unigram", "unk_id": 2, "vocab": vocabulary, "byte_fallback": false}
    });
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tokenizer.json"), file.to_string()).unwrap();
    let class = json!({"tokenizer_class": "PreTrainedTokenizerFast"});
    fs::write(
        folder.path().join("tokenizer_config.json"),
        class.to_string(),
    )
    .unwrap();
    Tokenizer::from_folder(folder.path()).unwrap()
}
