//! `lamplight verify` as a process.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod process;

use std::path::{Path, PathBuf};
use std::process::Command;

use process::{fail, lamplight, succeed};
use serde_json::Value;

/// A committed case.
fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testing/reference")
        .join(name)
}

/// A copy of a case in which one byte of a file is another.
fn damaged(name: &str, file: &str, from_end: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(case(name)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = folder.path().join(file);
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.len() - from_end;
    bytes[place] ^= 0x40;
    std::fs::write(&path, bytes).unwrap();
    folder
}

fn verify(folder: &Path, rest: &str) -> Command {
    let mut command = lamplight("verify");
    command.arg(folder).args(rest.split_whitespace());
    command
}

#[test]
fn close_tensors_are_told_worst_first_in_both_types() {
    for dtype in ["f32", "bf16"] {
        let mut command = verify(&case("t5_v11"), "--json --dtype");
        let output = succeed(command.arg(dtype));
        let lines = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let shares: Vec<f64> = lines
            .iter()
            .map(|line| line["share"].as_f64().unwrap())
            .collect();
        assert!(shares.is_sorted_by(|one, other| one >= other), "{dtype}");
        assert!(shares[0] > 0.0 && shares[0] <= 1.0, "{dtype}: {shares:?}");
        let has = |name: &str| lines.iter().any(|line| line["tensor"] == name);
        assert!(has("logits") && has("loss") && has("grad.shared.weight"));
    }
}

#[test]
fn another_weight_is_found_and_the_exit_status_says_so() {
    // The last number of the last tensor: the table of embeddings, which gives all logits as well.
    let folder = damaged("t5_v10", "model.safetensors", 1);
    let output = verify(folder.path(), "").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("too far off"), "{text}");
}

#[test]
fn what_cannot_be_verified_is_refused_with_the_reason() {
    let empty = tempfile::tempdir().unwrap();
    let broken = damaged("t5_v11", "expected.safetensors", 1);
    std::fs::write(broken.path().join("expected.safetensors"), "none").unwrap();
    for (folder, rest, said) in [
        (empty.path(), "", "expected.safetensors"),
        (broken.path(), "", "damaged"),
        (Path::new("/no/such/folder"), "", "/no/such/folder"),
        (&case("optimizers"), "", "no"),
        (&case("t5_v11"), "--device cuda:9", "cuda"),
        (&case("t5_v11"), "--dtype f16", "bf16"),
        // It samples, so that rounding decides more than rounding.
        (&case("electra_pretrain_step_all"), "--dtype bf16", "bf16"),
    ] {
        let error = fail(&mut verify(folder, rest), 2);
        assert!(error.contains(said), "{folder:?} {rest}: {error}");
    }
}
