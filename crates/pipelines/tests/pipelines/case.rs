//! The committed cases of the pipelines, and texts that nobody expects.

use std::path::{Path, PathBuf};

use lamplight_testing::{F32_TOLERANCE, compiles_kernels};
use serde_json::Value;

/// How far scores may be from those of transformers, and from those in another batch.
pub fn tolerance() -> f32 {
    if compiles_kernels() {
        F32_TOLERANCE
    } else {
        1e-5
    }
}

pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../testing/reference/pipelines_{name}"))
}

pub fn expected(name: &str) -> Value {
    let text = std::fs::read_to_string(folder(name).join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub fn texts(expected: &Value) -> Vec<String> {
    serde_json::from_value(expected["texts"].clone()).unwrap()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

pub fn assert_near(found: f32, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    let tolerance = f64::from(tolerance()) * expected.abs().max(1.0);
    let difference = (f64::from(found) - expected).abs();
    assert!(difference <= tolerance, "{what}: {found}, not {expected}");
}

/// Empty, very long, from right to left, with emoji, control characters, special tokens, only spaces.
pub fn odd_texts() -> Vec<String> {
    let mut texts = [
        "",
        "   ",
        "\n\t \u{a0}\u{2003}",
        "שלום עולם مرحبا بالعالم",
        "👩‍👩‍👧‍👦🏳️‍🌈 🙂🙂",
        "\u{0}\u{1}\u{7f}\u{202e}abc\u{200b}\u{feff}",
        "e\u{301}\u{301}\u{301} ﬁ İ ß",
        "[CLS] [SEP] [PAD] </s> <pad> <extra_id_0> <unk>",
        "漢字かな交じり文",
    ]
    .map(str::to_owned)
    .to_vec();
    if compiles_kernels() {
        texts.truncate(5);
        return texts;
    }
    texts.push("the old cat sleeps near Berlin. ".repeat(300));
    texts.push("x".repeat(5_000));
    texts
}

/// A copy of a case whose `config.json` was changed.
pub fn changed(name: &str, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder(name)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = copy.path().join("config.json");
    let mut config = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut config);
    std::fs::write(path, config.to_string()).unwrap();
    copy
}
