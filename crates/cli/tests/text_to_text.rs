//! `lamplight train` on pairs of texts, as somebody calls it.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod process;

use std::fs;
use std::path::Path;

use process::{fail, last_scores, succeed, train, write_records};
use serde_json::json;

/// Two tasks of the T5 paper, and one with two right answers to each input.
fn pairs(folder: &Path) {
    let records = (0..120).flat_map(|index| {
        let (noun, label) = (["film", "song", "meal"][index % 3], ["acceptable", "unacceptable"][index % 2]);
        let similarity = ["0.0", "2.4", "5.0"][index % 3];
        let right = [format!("{noun} {index}"), format!("the {noun} {index}")];
        [
            json!({"task": "cola", "input": format!("cola sentence: the {noun} {index}"), "target": label}),
            json!({"task": "stsb", "input": format!("stsb sentence1: {noun} sentence2: {index}"), "target": similarity}),
            json!({"task": "own", "source": format!("own: {noun} {index}"), "target": right[0], "targets": right}),
        ]
    });
    write_records(&folder.join("pairs.jsonl"), records);
}

fn arguments(folder: &Path, more: &str) -> String {
    format!(
        "--data {} --set data.held_out=0.1 --set training.steps=8 --set training.evaluate_every=4 \
         --set evaluation.num_answers=8 {more}",
        folder.join("pairs.jsonl").display()
    )
}

#[test]
fn answers_are_scored_by_the_recipe_s_metrics_and_by_those_of_their_task() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    pairs(folder);
    let run = folder.join("run");
    let more = "--set evaluation.metrics=[\"bleu\",\"squad\"] --set evaluation.num_beams=2 \
         --set checkpoints.best_score=matthews.cola";
    succeed(&mut train("smoke_t5", &run, &arguments(folder, more)));
    let scores = last_scores(&run);
    for name in [
        "exact_match",
        "exact_match.own",
        "bleu",
        "bleu.own",
        "squad_f1",
        "squad_f1.cola",
        "matthews.cola",
    ] {
        assert!(scores[name].is_number(), "no {name} in {scores}");
    }
    assert!(
        scores["matthews"].is_null() && scores["matthews.own"].is_null(),
        "{scores}"
    );
}

#[test]
fn a_best_score_that_the_answers_do_not_have_is_refused_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    pairs(folder);
    let run = folder.join("run");
    for score in ["bleu", "matthews.sst2"] {
        let more = format!("--set checkpoints.best_score={score}");
        let error = fail(&mut train("smoke_t5", &run, &arguments(folder, &more)), 2);
        assert!(error.contains("matthews.cola"), "{error}");
        assert!(error.contains("evaluation.metrics"), "{error}");
        assert!(!run.exists());
    }
}

/// A data set whose manifest names a task of the T5 paper, of the records with these numbers.
fn data_set(folder: &Path, task: &str, record: impl Fn(usize) -> serde_json::Value) -> String {
    let folder = folder.join(task);
    fs::create_dir(&folder).unwrap();
    let manifest = format!(
        "name = \"{task}\"\nwhat = \"Records.\"\nlicence = \"MIT\"\n\
         splits.train = [{{ path = \"train.jsonl\" }}]\nsplits.held_out = [{{ path = \"valid.jsonl\" }}]\n\
         fields.task = \"{task}\"\n"
    );
    fs::write(folder.join("dataset.toml"), manifest).unwrap();
    write_records(&folder.join("train.jsonl"), (0..80).map(&record));
    write_records(&folder.join("valid.jsonl"), (80..100).map(&record));
    folder.display().to_string()
}

#[test]
fn a_mixture_of_published_tasks_is_scored_as_each_of_them_is() {
    let folder = tempfile::tempdir().unwrap();
    let pair = |index: usize, fields: [&str; 2], label: usize| {
        let [first, second] = [format!("one {index}"), format!("other {}", index % 7)];
        json!({fields[0]: first, fields[1]: second, "label": label})
    };
    let sets = [
        data_set(
            folder.path(),
            "cola",
            |index| json!({"sentence": format!("so {index}"), "label": index % 2}),
        ),
        data_set(folder.path(), "mrpc", |index| {
            pair(index, ["sentence1", "sentence2"], index % 2)
        }),
        data_set(folder.path(), "mnli", |index| {
            pair(index, ["premise", "hypothesis"], index % 3)
        }),
        data_set(folder.path(), "squad", |index| {
            json!({
                "question": "Where?", "context": format!("Here, at {index}."), "answers": [format!("at {index}"), "here"],
            })
        }),
    ];
    let run = folder.path().join("run");
    let arguments = format!(
        "--data {} --set training.steps=4 --set training.evaluate_every=4 --set evaluation.num_answers=20",
        sets.join(" ")
    );
    succeed(&mut train("smoke_t5", &run, &arguments));
    let scores = last_scores(&run);
    for name in [
        "matthews.cola",
        "f1.mrpc",
        "accuracy.mrpc",
        "accuracy.mnli",
        "squad_f1.squad",
    ] {
        assert!(scores[name].is_number(), "no {name} in {scores}");
    }
    assert!(
        scores["accuracy.cola"].is_null() && scores["squad_f1"].is_null(),
        "{scores}"
    );
}
