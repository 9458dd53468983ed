//! `lamplight data` as a process: stores made, interrupted, shared, looked into and trained on.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod process;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use process::{fail, lamplight, newest, resume, spawn, succeed, wait};
use tempfile::TempDir;

/// Lines of text in two files, and the folder of a tokenizer.
fn corpus(num_lines: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let line = |index: usize| {
        let text = format!(
            "lamp {index} lights the road to house number {}",
            index * 7 % 1000
        );
        format!("{}\n", serde_json::json!({ "text": text }))
    };
    fs::create_dir(folder.path().join("texts")).unwrap();
    for (name, lines) in [("a", 0..num_lines / 2), ("b", num_lines / 2..num_lines)] {
        let path = folder.path().join(format!("texts/{name}.jsonl"));
        fs::write(path, lines.map(line).collect::<String>()).unwrap();
    }
    let tokenizer = folder.path().join("byt5");
    fs::create_dir(&tokenizer).unwrap();
    let config = r#"{"tokenizer_class": "ByT5Tokenizer"}"#;
    fs::write(tokenizer.join("tokenizer_config.json"), config).unwrap();
    folder
}

fn prepare(folder: &Path, store: &str, more: &str) -> std::process::Command {
    lamplight(&format!(
        "data prepare {0}/texts --tokenizer {0}/byt5 --output {0}/{store} --shard-size 1 {more}",
        folder.display()
    ))
}

/// Every file of a store, scratch files of a killed process too.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(contents(&path)),
            false => {
                files.insert(path.file_name().unwrap().into(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn stdout(output: std::process::Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn killed_over_and_over_it_ends_with_the_same_bytes() {
    let folder = corpus(200_000);
    succeed(&mut prepare(folder.path(), "whole", ""));
    let expected = contents(&folder.path().join("whole"));
    assert!(expected.len() > 15, "{}", expected.len());
    let mut num_kills = 0;
    for milliseconds in (5..).step_by(12) {
        let mut child = spawn(&mut prepare(folder.path(), "killed", ""));
        std::thread::sleep(Duration::from_millis(milliseconds));
        // Gone already when it was quick.
        let _ = child.kill();
        if wait(&mut child).success() {
            break;
        }
        num_kills += 1;
    }
    assert!(num_kills > 1, "never killed");
    assert!(
        contents(&folder.path().join("killed")) == expected,
        "the bytes differ"
    );
}

#[test]
fn shares_of_several_processes_make_the_store_of_one() {
    let folder = corpus(40_000);
    succeed(&mut prepare(folder.path(), "whole", ""));
    let mut children = [0, 1, 2].map(|index| {
        spawn(&mut prepare(
            folder.path(),
            "shared",
            &format!("--shard {index}/3"),
        ))
    });
    for child in &mut children {
        assert!(wait(child).success());
    }
    let [whole, shared] = ["whole", "shared"].map(|name| contents(&folder.path().join(name)));
    assert!(whole == shared, "the bytes differ");
    let output = stdout(succeed(&mut prepare(folder.path(), "part", "--shard 1/2")));
    assert!(output.contains("still missing"), "{output}");
}

#[test]
fn a_store_is_trained_on_with_its_own_tokenizer_and_resumed() {
    let folder = corpus(2000);
    succeed(&mut prepare(folder.path(), "store", ""));
    let store = folder.path().join("store");
    let run = folder.path().join("run");
    let objective = "--set data.objective=span_corruption --set model.config.d_model=16";
    let recipe = folder.path().join("recipe.toml");
    let text = include_str!("../../training/recipes/smoke_t5.toml");
    let kept = text.lines().filter(|line| {
        ![
            "corpus",
            "num_examples",
            "train_tokenizer",
            "targets_length",
            "best_score",
        ]
        .iter()
        .any(|key| line.starts_with(key))
    });
    fs::write(&recipe, kept.collect::<Vec<_>>().join("\n")).unwrap();
    let arguments = format!(
        "train {} --data {} --output {} {objective}",
        recipe.display(),
        store.display(),
        run.display()
    );
    succeed(&mut lamplight(&arguments));
    assert!(newest(&run).is_some());
    succeed(&mut resume(&run));

    // Another tokenizer than the store's is refused, and so are texts beside it.
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    let vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n";
    fs::write(other.join("vocab.txt"), vocabulary).unwrap();
    let refused = format!(
        "train {} --data {} {objective}",
        recipe.display(),
        store.display()
    );
    let message = fail(
        &mut lamplight(&format!("{refused} --tokenizer {}", other.display())),
        2,
    );
    assert!(message.contains("another tokenizer"), "{message}");
    let texts = folder.path().join("texts");
    let message = fail(
        &mut lamplight(&format!(
            "train {} --data {} {} {objective}",
            recipe.display(),
            store.display(),
            texts.display()
        )),
        2,
    );
    assert!(message.contains("beside files of text"), "{message}");
}

#[test]
fn inspection_counts_checks_and_shows_examples() {
    let folder = corpus(2000);
    succeed(&mut prepare(folder.path(), "store", ""));
    let store = folder.path().join("store");
    let inspect = |more: &str| lamplight(&format!("data inspect {} {more}", store.display()));
    let output = stdout(succeed(&mut inspect("")));
    assert!(
        output.contains("2000 documents") && output.contains("every checksum right"),
        "{output}"
    );
    assert!(output.contains("32 to 63"), "{output}");
    let examples = "--recipe t5_tiny --set data.inputs_length=64 --examples 2";
    let output = stdout(succeed(&mut inspect(examples)));
    assert!(
        output.contains("example 2") && !output.contains("example 3"),
        "{output}"
    );
    assert!(
        output.contains("<extra_id_0>") && output.contains("% padding"),
        "{output}"
    );
    let output = stdout(succeed(&mut lamplight(
        "data inspect --recipe smoke_electra",
    )));
    assert!(
        output.contains("[CLS]") && output.contains("{so} is masked"),
        "{output}"
    );

    let shard = store.join("shard-00000.tokens");
    let mut bytes = fs::read(&shard).unwrap();
    bytes[1000] ^= 1;
    fs::write(&shard, bytes).unwrap();
    let message = fail(&mut inspect(""), 2);
    assert!(
        message.contains("shard-00000.tokens: checksum mismatch"),
        "{message}"
    );
}

#[test]
fn a_data_set_in_a_folder_is_trained_on_by_its_task() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "name = \"films\"\nwhat = \"Reviews.\"\nlicence = \"MIT\"\n\n[fields]\ntask = \"sst2\"\n\n\
                    [[splits.train]]\npath = \"train.csv\"\n\n[[splits.held_out]]\npath = \"held_out.csv\"\n";
    fs::write(folder.path().join("dataset.toml"), manifest).unwrap();
    let rows = "a fine film,1\na dull one,0\nno label,?\n".to_owned() + &"so so,1\n".repeat(30);
    for name in ["train", "held_out"] {
        let path = folder.path().join(format!("{name}.csv"));
        fs::write(path, format!("sentence,label\n{rows}")).unwrap();
    }
    let data = folder.path().display();
    let output = succeed(&mut lamplight(&format!(
        "data inspect {data} --recipe smoke_t5"
    )));
    assert!(String::from_utf8_lossy(&output.stderr).contains("train.csv:4"));
    let arguments =
        format!("train smoke_t5 --data {data} --output {data}/run --set training.steps=4");
    succeed(&mut lamplight(&arguments));
    let metrics = fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    assert!(metrics.contains("exact_match.sst2"), "{metrics}");
    let message = fail(
        &mut lamplight(&format!(
            "data prepare {data} --tokenizer {data} --output {data}/s"
        )),
        2,
    );
    assert!(message.contains("no tokenizer in"), "{message}");
}

#[test]
fn a_vocabulary_is_trained_on_any_field_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let rows = "a lamp lights the road,1\nthe road is long,2\n".repeat(50);
    fs::write(folder.path().join("a.csv"), format!("body,n\n{rows}")).unwrap();
    for (kind, size) in [("word-piece", 60), ("unigram", 140)] {
        let tokenizer = format!("{path}/{kind}");
        let arguments = format!(
            "tokenize train {path}/a.csv --field body --kind {kind} --vocab-size {size} --output {tokenizer}"
        );
        let output = stdout(succeed(&mut lamplight(&arguments)));
        assert!(output.contains("vocabulary of"), "{output}");
        let message = fail(&mut lamplight(&arguments), 2);
        assert!(
            message.contains("not empty") || message.contains("exists"),
            "{message}"
        );
        let arguments = format!(
            "data prepare {path}/a.csv --field body --tokenizer {tokenizer} --output {path}/store-{kind}"
        );
        let output = stdout(succeed(&mut lamplight(&arguments)));
        assert!(output.contains("in 100 documents"), "{output}");
    }
    let arguments =
        format!("data prepare {path}/a.csv --tokenizer {path}/unigram --output {path}/no");
    let message = fail(&mut lamplight(&arguments), 2);
    assert!(
        message.contains("no column \"text\"; it has: body, n"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_prepared_is_refused_by_name() {
    let folder = corpus(10);
    let path = folder.path().display().to_string();
    for (arguments, expected) in [
        (
            format!("{path}/nothing --tokenizer {path}/byt5 --output {path}/s"),
            "no file matches",
        ),
        (
            format!("{path}/texts --tokenizer {path}/texts --output {path}/s"),
            "no tokenizer in",
        ),
        (
            format!("{path}/texts --tokenizer {path}/byt5 --output {path}"),
            "not empty",
        ),
        (
            format!("{path}/texts --tokenizer {path}/byt5 --output {path}/s --shard 2/2"),
            "I below N",
        ),
    ] {
        let message = fail(&mut lamplight(&format!("data prepare {arguments}")), 2);
        assert!(message.contains(expected), "{message}");
    }
}
