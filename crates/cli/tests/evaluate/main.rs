//! `lamplight evaluate`, as somebody calls it.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod heads;
#[path = "../process/mod.rs"]
mod process;
#[path = "../records/mod.rs"]
mod records;
mod texts;

use std::fs;
use std::path::{Path, PathBuf};

use process::{fail, lamplight, last_scores, succeed, train, write_records as write};
use records::{score, sentences, tokenizer};
use serde_json::{Value, json};

/// A run of the smoke recipe on `train.jsonl`, all of `valid.jsonl` held out.
fn trained(folder: &Path, arguments: &str) -> PathBuf {
    let run = folder.join("run");
    let arguments = format!(
        "--data {} --valid {} --tokenizer {} --set evaluation.max_batches=100 {arguments}",
        folder.join("train.jsonl").display(),
        folder.join("valid.jsonl").display(),
        folder.join("tokenizer").display()
    );
    succeed(&mut train("smoke_classification", &run, &arguments));
    run
}

/// What `evaluate --json` says of the last checkpoint of a run on `valid.jsonl`.
fn evaluated(folder: &Path, run: &Path, arguments: &str) -> Value {
    let checkpoint = process::newest(run).unwrap().path;
    let arguments = format!(
        "evaluate --json --model {} --data {} {arguments}",
        checkpoint.display(),
        folder.join("valid.jsonl").display()
    );
    let output = succeed(&mut lamplight(&arguments));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// That the scores are those which training has written, to the last bit.
fn assert_same_scores(run: &Path, evaluated: &Value) {
    let written = last_scores(run);
    let scores = evaluated["scores"].as_object().unwrap();
    for (name, score) in scores.iter().filter(|(name, _)| *name != "perplexity") {
        assert_eq!(&written[name], score, "{name} of {written}");
    }
    // Beside the scores a line has its kind and its step.
    let num_written = written.as_object().unwrap().len() - 2;
    let num_scores = scores.len() - usize::from(scores.contains_key("perplexity"));
    assert_eq!(num_written, num_scores, "{written} {evaluated}");
}

fn predictions(path: &Path) -> Vec<Value> {
    let lines = fs::read_to_string(path).unwrap();
    let lines = lines.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

#[test]
fn pairs_are_answered_and_scored_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let records = |num| {
        sentences(num).map(|(text, adjective)| match adjective {
            0 => json!({"task": "first", "source": format!("first: {text}"), "target": "the"}),
            1 => json!({"task": "last", "input": format!("last: {text}"), "target": "fine", "targets": ["fine", "good"]}),
            _ => json!({"task": "last", "input": format!("last: {text}"), "target": &text[text.len() - 4..]}),
        })
    };
    write(&folder.join("train.jsonl"), records(200));
    write(&folder.join("valid.jsonl"), records(50));
    let run = folder.join("run");
    let arguments = format!(
        "--data {} --valid {} --set evaluation.max_batches=100 --set evaluation.num_answers=100 \
         --set evaluation.metrics=['chrf'] --set optimizer.learning_rate=0.01",
        folder.join("train.jsonl").display(),
        folder.join("valid.jsonl").display(),
    );
    succeed(&mut train("smoke_t5", &run, &arguments));
    let path = folder.join("predictions.jsonl");
    let found = evaluated(folder, &run, &format!("--predictions {}", path.display()));
    assert_same_scores(&run, &found);
    assert_eq!(found["objective"], "text_to_text");
    assert_eq!(found["num_examples"], 50);
    let loss = score(&found["scores"], "loss");
    assert_eq!(score(&found["scores"], "perplexity"), loss.exp());
    let lines = predictions(&path);
    assert_eq!(lines.len(), 50);
    assert_eq!(lines[0]["input"], "first: the film was good");
    assert_eq!(lines[0]["reference"], "the");
    assert_eq!(lines[5]["reference"], json!(["fine", "good"]));
    assert!(lines[5]["prediction"].is_string());

    let found = evaluated(
        folder,
        &run,
        "--metric rouge --num-beams 2 --max-new-tokens 3 --limit 9",
    );
    assert_eq!(found["num_examples"], 9);
    let scores = found["scores"].as_object().unwrap();
    assert!(
        scores.contains_key("rougeLsum.first") && !scores.contains_key("chrf"),
        "{found}"
    );
    let model = process::newest(&run).unwrap().path;
    let arguments = format!(
        "evaluate --model {} --data {} --metric pearson",
        model.display(),
        folder.join("valid.jsonl").display()
    );
    let error = fail(&mut lamplight(&arguments), 2);
    assert!(error.contains("pearson"), "{error}");
}

#[test]
fn what_cannot_be_scored_is_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records = |label: &'static str| {
        sentences(40).map(move |(text, adjective)| match adjective % 2 {
            0 => json!({"text": text, "label": "praise"}),
            _ => json!({"text": text, "label": label}),
        })
    };
    write(&folder.join("train.jsonl"), records("blame"));
    write(&folder.join("valid.jsonl"), records("blame"));
    let run = trained(
        folder,
        "--set training.steps=2 --set training.evaluate_every=2",
    );
    let model = process::newest(&run).unwrap().path;
    write(&folder.join("valid.jsonl"), records("scorn"));
    write(
        &folder.join("other.jsonl"),
        [json!({"tokens": ["a"], "tags": ["O"]})].into_iter(),
    );
    let valid = folder.join("valid.jsonl");
    let taken = folder.join("train.jsonl");
    let (model, valid) = (model.display(), valid.display());
    let other = folder.join("other.jsonl").display().to_string();
    for (arguments, parts) in [
        // A label that the model does not know, and those it does.
        (
            format!("--model {model} --data {valid}"),
            ["scorn", "blame, praise"],
        ),
        (
            format!("--model {model} --data {other}"),
            ["other.jsonl", "no text"],
        ),
        (
            format!("--model {model} --data {valid}.not"),
            ["valid.jsonl.not", ""],
        ),
        (
            format!("--model {} --data {valid}", run.display()),
            ["is a run", "checkpoints"],
        ),
        (
            format!("--model {other} --data {valid}"),
            ["no folder", "other.jsonl"],
        ),
        (
            format!("--model {model} --data {valid} --metric rouge"),
            ["--metric", "T5"],
        ),
        (
            format!("--model {model} --data {valid} --metric bleh"),
            ["bleh", "bleu"],
        ),
        (
            format!("--model {model} --data {valid} --recipe smoke_t5"),
            ["recipe", "family"],
        ),
        (
            format!(
                "--model {model} --data {valid} --predictions {}",
                taken.display()
            ),
            ["train.jsonl", "there already"],
        ),
    ] {
        let error = fail(&mut lamplight(&format!("evaluate {arguments}")), 2);
        for part in parts {
            assert!(error.contains(part), "{arguments}: {error}");
        }
    }
}

#[test]
fn people_get_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records = sentences(40).map(|(text, adjective)| json!({"text": text, "label": adjective}));
    let records: Vec<Value> = records.collect();
    write(&folder.join("train.jsonl"), records.iter().cloned());
    write(&folder.join("valid.jsonl"), records.into_iter());
    let run = trained(
        folder,
        "--set training.steps=2 --set training.evaluate_every=2",
    );
    let arguments = format!(
        "evaluate --model {} --data {}",
        process::newest(&run).unwrap().path.display(),
        folder.join("valid.jsonl").display()
    );
    let output = succeed(&mut lamplight(&arguments));
    let table = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].contains("sequence classification on 40 examples"),
        "{table}"
    );
    assert!(lines[1].starts_with("  label loss  "), "{table}");
    assert!(lines[2].starts_with("  accuracy    "), "{table}");
    assert_eq!(lines[1].len(), lines[2].len(), "{table}");
    assert_eq!(lines.len(), 4, "{table}");
}

#[test]
fn an_interrupt_ends_the_scoring_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tokenizer(folder);
    let records =
        |num| sentences(num).map(|(text, adjective)| json!({"text": text, "label": adjective}));
    write(&folder.join("train.jsonl"), records(40));
    write(&folder.join("valid.jsonl"), records(40));
    let run = trained(
        folder,
        "--set training.steps=2 --set training.evaluate_every=2",
    );
    write(&folder.join("valid.jsonl"), records(60_000));
    let arguments = format!(
        "evaluate --batch-size 1 --model {} --data {}",
        process::newest(&run).unwrap().path.display(),
        folder.join("valid.jsonl").display()
    );
    let mut child = process::spawn(&mut lamplight(&arguments));
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(child.try_wait().unwrap(), None, "it ended before");
    process::signal(&child, "INT");
    assert_eq!(process::wait(&mut child).code(), Some(130));
}
