//! A step is settled while the device computes the next, which changes nothing but the time.

use std::sync::atomic::Ordering;

use lamplight_data::batch::Seq2SeqBatch;
use lamplight_training::progress::{Observer, Silent};
use lamplight_training::recipe::Recipe;
use lamplight_training::run_folder::RunFolder;
use tempfile::TempDir;

use super::faults::{Faulty, Warnings, weights};
use super::{StopAfter, batch, recipe, train_in, train_task};

/// Another batch at each step.
fn batches() -> Vec<Seq2SeqBatch> {
    let texts = ["ab", "c", "de f", "g", "hi", "jklm", "n", "op q", "r"];
    texts.iter().map(|text| batch(&[text, "x"])).collect()
}

/// A recipe of which steps run ahead, but not past the first and every fourth, after which something is due; or none.
fn recipe_of(steps: usize, runs_ahead: bool) -> Recipe {
    let mut recipe = recipe(steps, 1, 1e-2);
    recipe.training.checkpoint_every = 4;
    if runs_ahead {
        recipe.training.log_every = 100;
    }
    recipe
}

/// A run that came to its end.
struct Ended {
    folder: TempDir,
    num_calls: usize,
    warnings: Vec<String>,
}

impl Ended {
    fn run(recipe: &Recipe, factor: fn(usize) -> f32) -> Self {
        let task = Faulty::new(factor);
        let mut warnings = Warnings::default();
        let (folder, outcome) = train_task(&task, recipe, &batches(), &mut warnings);
        outcome.unwrap();
        Self {
            folder,
            num_calls: task.num_calls.load(Ordering::SeqCst),
            warnings: warnings.0,
        }
    }

    fn assert_same(&self, other: &Self, step: usize) {
        assert_eq!(self.warnings, other.warnings);
        assert!(weights(&self.folder, step) == weights(&other.folder, step));
        assert!(state(&self.folder, step) == state(&other.folder, step));
    }
}

fn state(folder: &TempDir, step: usize) -> Vec<u8> {
    let path = format!("run/checkpoints/step-{step}/optimizer.safetensors");
    std::fs::read(folder.path().join(path)).unwrap()
}

/// Runs with a step ahead and without end the same, after so many more calls.
fn assert_ahead_is_the_same(
    change: impl Fn(&mut Recipe),
    factor: fn(usize) -> f32,
    num_more_calls: usize,
) -> Ended {
    let [settled, ahead] = [false, true].map(|runs_ahead| {
        let mut recipe = recipe_of(12, runs_ahead);
        change(&mut recipe);
        Ended::run(&recipe, factor)
    });
    ahead.assert_same(&settled, 12);
    assert_eq!(ahead.num_calls, settled.num_calls + num_more_calls);
    ahead
}

#[test]
fn a_skipped_step_is_the_same_a_step_ahead() {
    let ended = assert_ahead_is_the_same(
        |_| (),
        |call| match call {
            2 | 5 | 6 => f32::NAN,
            _ => 1.0,
        },
        0,
    );
    let steps: Vec<&str> = ended.warnings.iter().map(|text| &text[..6]).collect();
    assert_eq!(steps, ["step 3", "step 6", "step 7"]);
}

#[test]
fn going_back_gives_up_the_step_ahead_and_reads_its_batch_again() {
    let change = |recipe: &mut Recipe| recipe.stability.max_skips_in_a_row = 2;
    let bad = |call| match call {
        5 | 6 => f32::NAN,
        _ => 1.0,
    };
    let ended = assert_ahead_is_the_same(change, bad, 1);
    assert!(ended.warnings[1].contains("going back to step 4"));
}

#[test]
fn every_rule_is_the_same_a_step_ahead_and_those_that_are_not_guarded_wait() {
    for kind in ["adamw_scaled", "electra_adam", "muon", "adafactor", "sgd"] {
        let change = |recipe: &mut Recipe| {
            let settings = format!("optimizer={{ kind = \"{kind}\", learning_rate = 0.001 }}");
            recipe.optimizer = Recipe::load("t5_tiny", &[settings]).unwrap().1.optimizer;
        };
        let third_is_bad = |call| if call == 2 { f32::INFINITY } else { 1.0 };
        let ended = assert_ahead_is_the_same(change, third_is_bad, 0);
        assert_eq!(ended.warnings.len(), 1, "{kind}");
    }
}

#[test]
fn a_rule_that_is_not_guarded_goes_back_without_a_step_ahead() {
    let change = |recipe: &mut Recipe| {
        recipe.optimizer = Recipe::load("t5_tiny", &["optimizer.kind=\"muon\"".to_owned()])
            .unwrap()
            .1
            .optimizer;
        recipe.stability.max_skips_in_a_row = 2;
    };
    let bad = |call| match call {
        5 | 6 => f32::NAN,
        _ => 1.0,
    };
    assert_ahead_is_the_same(change, bad, 0);
}

/// The warnings of a run of 40 steps, the 36th of which has a loss 10,000 times as large.
fn spiked(runs_ahead: bool) -> Vec<String> {
    let mut recipe = recipe_of(40, runs_ahead);
    recipe.training.clip_norm = None;
    recipe.stability.spike_threshold = Some(6.0);
    Ended::run(&recipe, |call| if call == 35 { 1e4 } else { 1.0 }).warnings
}

#[test]
fn a_spike_is_the_same_a_step_ahead() {
    let warnings = spiked(true);
    assert_eq!(warnings, spiked(false));
    assert!(warnings.iter().any(|text| text.contains("step 36")));
}

#[test]
fn a_run_that_is_interrupted_after_a_skipped_step_goes_on_bit_for_bit() {
    let recipe = recipe_of(12, true);
    let third_is_bad = |call| if call == 2 { f32::NAN } else { 1.0 };
    let whole = Ended::run(&recipe, third_is_bad);
    for last in [3, 4, 6] {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&folder.path().join("run")).unwrap();
        let go_on = |factor, observer: &mut dyn Observer| {
            let task = Faulty::new(factor);
            let outcome = train_in(&run, &task, &recipe, &batches(), observer);
            outcome.unwrap().num_steps
        };
        assert_eq!(go_on(third_is_bad, &mut StopAfter(last, 0)), last);
        assert_eq!(go_on(|_| 1.0, &mut Silent), 12);
        assert!(weights(&folder, 12) == weights(&whole.folder, 12));
        assert!(state(&folder, 12) == state(&whole.folder, 12));
    }
}
