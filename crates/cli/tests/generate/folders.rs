//! Folders of models.

use std::fs;
use std::path::Path;

use lamplight_layers::device::DeviceChoice;
use lamplight_t5::{T5Config, T5ForConditionalGeneration};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

/// The committed reference model, with a tokenizer of letters.
pub fn letters() -> TempDir {
    let folder = tempdir().unwrap();
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testing/reference/t5_v10");
    for name in ["config.json", "model.safetensors"] {
        fs::copy(reference.join(name), folder.path().join(name)).unwrap();
    }
    let write = |name: &str, content: Value| {
        fs::write(folder.path().join(name), content.to_string()).unwrap();
    };
    let special = ["<pad>", "</s>", "<unk>"].map(str::to_owned);
    let letters = ('a'..='z').map(|letter| letter.to_string());
    let words = ('a'..='z').map(|letter| format!("▁{letter}"));
    let pairs = "aeiou".chars().flat_map(|vowel| {
        "bdfglmnprst"
            .chars()
            .map(move |other| format!("{vowel}{other}"))
    });
    let others = ["▁", ",", ".", "?", "!", "é", "▁the", "▁and"].map(str::to_owned);
    let pieces = (special.into_iter().chain(letters).chain(words).chain(pairs)).chain(others);
    let pieces: Vec<Value> = pieces.map(|piece| json!([piece, -1.0])).collect();
    let pieces = &pieces[..];
    assert_eq!(pieces.len(), 118);
    write(
        "tokenizer.json",
        json!({"model": {"type": "Unigram", "unk_id": 2, "vocab": pieces, "byte_fallback": false}}),
    );
    write(
        "tokenizer_config.json",
        json!({"tokenizer_class": "T5Tokenizer", "extra_ids": 0}),
    );
    folder
}

/// A fresh model over bytes, most of what it says is half characters.
pub fn byt5() -> TempDir {
    let folder = tempdir().unwrap();
    let device = DeviceChoice::default().open().unwrap();
    device.seed(5);
    let config = T5Config {
        vocab_size: 384,
        d_model: 16,
        d_kv: 8,
        d_ff: 32,
        num_layers: 1,
        num_heads: 2,
        ..T5Config::default()
    };
    let model = T5ForConditionalGeneration::new(&config, &device);
    model.save_pretrained(folder.path()).unwrap();
    folder
}
