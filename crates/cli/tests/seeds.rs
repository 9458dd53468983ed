//! `lamplight train --seeds`, as somebody calls it.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod process;

use std::fs;
use std::path::Path;

use process::{fail, last_scores, newest, resume, succeed, train};
use serde_json::Value;

const ARGUMENTS: &str = "--seeds 2 --set training.steps=8 --set training.evaluate_every=4 --set checkpoints.best_score=loss";

fn record(output: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(output.join("seeds.json")).unwrap()).unwrap()
}

/// The values of a score, and its median, lowest and highest value.
fn spread(record: &Value, name: &str) -> (Vec<f64>, [f64; 3]) {
    let scores = record["scores"].as_array().unwrap();
    let score = scores.iter().find(|score| score["name"] == name).unwrap();
    let values = score["values"].as_array().unwrap().iter();
    let over_all = ["median", "lowest", "highest"].map(|key| score[key].as_f64().unwrap());
    (
        values.map(|value| value.as_f64().unwrap()).collect(),
        over_all,
    )
}

#[test]
fn each_seed_has_a_run_and_all_have_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("seeds");
    let said = succeed(&mut train("smoke_t5", &output, ARGUMENTS)).stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let header = said.lines().next().unwrap();
    let names: Vec<&str> = header
        .split("  ")
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(
        names,
        ["seed 1", "seed 2", "median", "lowest", "highest"],
        "{said}"
    );
    let found = record(&output);
    let (values, [median, lowest, highest]) = spread(&found, "loss");
    let runs = ["seed-1", "seed-2"].map(|name| output.join(name));
    // The loss falls, so that the last checkpoint is the best.
    let expected = runs
        .each_ref()
        .map(|run| last_scores(run)["loss"].as_f64().unwrap());
    assert_eq!(values, expected);
    assert!(lowest < highest && values.contains(&lowest) && values.contains(&highest));
    assert_eq!(median, (lowest + highest) / 2.0);
    for (run, seed) in runs.iter().zip(1..) {
        let recipe = fs::read_to_string(run.join("recipe.toml")).unwrap();
        assert!(recipe.contains(&format!("\nseed = {seed}\n")), "{recipe}");
        assert_eq!(newest(run).unwrap().manifest.position.step, 8);
    }
    let page = fs::read_to_string(output.join("compare.html")).unwrap();
    assert!(page.contains("seed-1") && page.contains("seed-2"));

    // What is complete is left alone; what is not goes on, or begins.
    let written = |run: &Path| {
        fs::metadata(run.join("report.html"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = written(&runs[0]);
    fs::remove_dir_all(&runs[1]).unwrap();
    succeed(&mut resume(&output));
    assert_eq!(written(&runs[0]), before);
    assert_eq!(record(&output), found);
    fs::remove_dir_all(runs[1].join("checkpoints/step-8")).unwrap();
    succeed(&mut resume(&output));
    assert_eq!(record(&output), found);
}

#[test]
fn bad_input_leaves_no_folder_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("seeds");
    let missing = folder.path().join("missing.jsonl");
    let arguments = format!("{ARGUMENTS} --data {}", missing.display());
    let error = fail(&mut train("smoke_t5", &output, &arguments), 2);
    assert!(error.contains("missing.jsonl"), "{error}");
    assert!(!output.exists());
    let error = fail(&mut train("smoke_t5", &output, "--seeds 0"), 2);
    assert!(error.contains("--seeds"), "{error}");
    let arguments = format!("{ARGUMENTS} --set training.seed={}", i64::MAX);
    let error = fail(&mut train("smoke_t5", &output, &arguments), 2);
    assert!(error.contains("training.seed"), "{error}");
    fs::create_dir(&output).unwrap();
    fs::write(output.join("kept"), "").unwrap();
    let error = fail(&mut train("smoke_t5", &output, ARGUMENTS), 2);
    assert!(error.contains("not empty"), "{error}");
}

#[test]
#[cfg(unix)]
fn an_interrupted_one_goes_on_with_the_seeds_that_are_left() {
    use process::{signal, spawn, wait, wait_for_metrics};
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("seeds");
    let arguments = "--seeds 2 --set training.steps=60 --set training.log_every=1";
    let mut child = spawn(&mut train("smoke_t5", &output, arguments));
    wait_for_metrics(&mut child, &output.join("seed-1"));
    signal(&child, "INT");
    assert_eq!(wait(&mut child).code(), Some(130));
    assert!(!output.join("seed-2").exists());
    succeed(&mut resume(&output));
    for seed in ["seed-1", "seed-2"] {
        assert_eq!(
            newest(&output.join(seed)).unwrap().manifest.position.step,
            60
        );
    }
    assert_eq!(spread(&record(&output), "loss").0.len(), 2);
}
