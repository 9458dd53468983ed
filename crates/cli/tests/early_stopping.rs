//! `training.patience`, as somebody uses it.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod process;

use std::fs;
use std::path::Path;

use process::{
    assert_same_checkpoint, checkpoints, fail, newest, resume, succeed, train, two_runs,
};

/// Nothing is answered right in so few steps, so that only the first of the evaluations betters the best.
const NEVER_BETTER: &str = "--set checkpoints.best_score=exact_match --set training.patience=3 \
     --set training.evaluate_every=4";

fn num_evaluations(run: &Path) -> usize {
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = metrics.lines();
    lines.filter(|line| line.contains("\"evaluation\"")).count()
}

#[test]
fn a_run_that_does_not_get_better_ends_as_complete() {
    let (_folder, run, _) = two_runs();
    let output = succeed(&mut train("smoke_t5", &run, NEVER_BETTER));
    let said = String::from_utf8_lossy(&output.stdout);
    let reason = "exact match not bettered in 3 evaluations";
    assert!(said.contains("stopped early, before step 40"), "{said}");
    assert!(
        said.contains(reason) && !said.contains("interrupted"),
        "{said}"
    );
    assert!(
        fs::read_to_string(run.join("report.html"))
            .unwrap()
            .contains(reason)
    );
    assert_eq!(newest(&run).unwrap().manifest.position.step, 16);
    assert_eq!(num_evaluations(&run), 4);
    // It is at its end: there is nothing to go on with.
    let output = succeed(&mut resume(&run));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(reason), "{said}");
    assert_eq!(newest(&run).unwrap().manifest.position.step, 16);
    assert_eq!(num_evaluations(&run), 4);
}

#[test]
fn a_run_that_gets_better_goes_on_to_its_end() {
    let (_folder, run, _) = two_runs();
    let arguments = "--set checkpoints.best_score=loss --set training.patience=1 \
         --set training.evaluate_every=10";
    let output = succeed(&mut train("smoke_t5", &run, arguments));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains("stopped early"), "{said}");
    assert_eq!(newest(&run).unwrap().manifest.position.step, 40);
}

#[test]
fn a_resumed_run_stops_where_the_uninterrupted_one_did() {
    let (_folder, whole, resumed) = two_runs();
    succeed(&mut train("smoke_t5", &whole, NEVER_BETTER));
    succeed(&mut train("smoke_t5", &resumed, NEVER_BETTER));
    // As if it had been killed amid the steps to its last evaluation.
    fs::remove_dir_all(checkpoints(&resumed).path(16)).unwrap();
    succeed(&mut resume(&resumed));
    assert_same_checkpoint(&newest(&resumed).unwrap(), &newest(&whole).unwrap());
    assert_eq!(num_evaluations(&resumed), 4);
}

#[test]
fn patience_without_a_score_to_better_is_refused() {
    let (_folder, run, _) = two_runs();
    let error = fail(&mut train("smoke_t5", &run, "--set training.patience=3"), 2);
    assert!(
        error.contains("training.patience") && error.contains("checkpoints.best_score"),
        "{error}"
    );
}
