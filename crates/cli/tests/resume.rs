//! Runs that are killed at any moment and go on end as the run that was not.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod process;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use process::{
    assert_same_checkpoint, checkpoints, counterpart, newest, resume, signal, spawn, succeed,
    train, two_runs, wait, wait_for_metrics,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Saves after every step and keeps every checkpoint, so that kills fall into saves and each state
/// on the way can be compared.
const SAVE_ALWAYS: &str = "--set training.checkpoint_every=1 --set checkpoints.keep_last=1000";
/// Steps after which a start is killed at the latest, about.
const STEPS_BEFORE_KILL: usize = 6;

/// Trains to the end; gives how long it took to start, and a step after that.
fn time_whole_run(recipe: &str, folder: &Path, arguments: &str, num_steps: usize) -> [Duration; 2] {
    let started = Instant::now();
    let mut child = spawn(&mut train(recipe, folder, arguments));
    wait_for_metrics(&mut child, folder);
    let starting = started.elapsed();
    assert!(wait(&mut child).success());
    [starting, (started.elapsed() - starting) / num_steps as u32]
}

fn start(recipe: &str, folder: &Path, arguments: &str) -> std::process::Command {
    if folder.join("recipe.toml").is_file() {
        return resume(folder);
    }
    // Killed before it had written what it is: there is nothing to go on with.
    train(recipe, folder, arguments)
}

/// Sleeps for so long, but not beyond the writing of this checkpoint: what a busy machine made of
/// the measured times would let a run go on to its end.
fn sleep_until(delay: Duration, checkpoint: &Path) {
    let started = Instant::now();
    while started.elapsed() < delay && !checkpoint.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Kills a run so often at random moments, some of them by SIGTERM, compares what each kill leaves
/// with the uninterrupted run's state, and lets it end.
fn assert_kills_change_nothing(recipe: &str, num_steps: usize, num_kills: usize, more: &str) {
    let (_folder, whole, killed) = two_runs();
    let arguments = format!("{SAVE_ALWAYS} --set training.steps={num_steps} {more}");
    let [starting, step] = time_whole_run(recipe, &whole, &arguments, num_steps);
    let mut rng = ChaCha8Rng::seed_from_u64(num_kills as u64);
    let (mut num_states, mut last) = (0, 0);
    for kill in 0..num_kills {
        let latest = starting + step * STEPS_BEFORE_KILL as u32;
        let mut child = spawn(&mut start(recipe, &killed, &arguments));
        let delay = latest.mul_f64(rng.random_range(0.0..1.0));
        sleep_until(delay, &checkpoints(&killed).path(last + STEPS_BEFORE_KILL));
        signal(&child, if kill % 10 == 9 { "TERM" } else { "KILL" });
        wait(&mut child);
        if let Some(left) = newest(&killed) {
            assert_same_checkpoint(&left, &counterpart(&left, &whole));
            last = left.manifest.position.step;
            num_states += 1;
        }
    }
    assert!(
        last < num_steps,
        "it ended at step {last}, before the last kill: train longer"
    );
    succeed(&mut start(recipe, &killed, &arguments));
    let end = newest(&killed).unwrap();
    assert_eq!(end.manifest.position.step, num_steps);
    assert_same_checkpoint(&end, &counterpart(&end, &whole));
    let names = fs::read_dir(killed.join("checkpoints")).unwrap();
    let is_scratch = |name: std::ffi::OsString| name.to_string_lossy().starts_with('.');
    assert!(
        !names
            .into_iter()
            .any(|entry| is_scratch(entry.unwrap().file_name()))
    );
    eprintln!("{recipe}: {num_kills} kills, {num_states} states compared, the last at step {last}");
}

#[test]
fn a_t5_that_is_killed_a_hundred_times_ends_with_the_same_bits() {
    assert_kills_change_nothing("smoke_t5", 1000, 100, "");
}

#[test]
fn an_electra_that_is_killed_twenty_times_ends_with_the_same_bits() {
    assert_kills_change_nothing("smoke_electra", 300, 20, "");
}

#[test]
fn low_rank_factors_in_bf16_with_recomputed_blocks_end_with_the_same_bits() {
    let (_folder, whole, _) = two_runs();
    succeed(&mut train("smoke_t5", &whole, ""));
    let manner = format!(
        "--init-from {0}/checkpoints/step-40 --tokenizer {0}/tokenizer --set lora={{rank=2,alpha=4.0}} \
         --set training.precision=bf16 --set training.recompute=true",
        whole.display()
    );
    assert_kills_change_nothing("smoke_t5", 150, 8, &manner);
}

#[test]
fn every_kind_of_optimizer_ends_with_the_same_bits() {
    for kind in ["adafactor", "adamw_scaled", "muon", "sgd"] {
        let optimizer = format!("--set optimizer.kind={kind}");
        assert_kills_change_nothing("smoke_t5", 60, 3, &optimizer);
    }
}

/// Trains for so many steps of 12, then goes on after `damage` was done to the folder.
fn resumed_after(damage: impl FnOnce(&Path)) -> String {
    let (_folder, whole, stopped) = two_runs();
    let arguments = "--set training.steps=12 --set training.checkpoint_every=4";
    succeed(&mut train("smoke_t5", &whole, arguments));
    succeed(&mut train("smoke_t5", &stopped, arguments));
    damage(&stopped);
    let output = succeed(&mut resume(&stopped));
    let [one, other] = [&whole, &stopped].map(|run| newest(run).unwrap());
    assert_eq!(other.manifest.position.step, 12);
    assert_same_checkpoint(&one, &other);
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_is_used() {
    let message = resumed_after(|run| {
        let weights = run.join("checkpoints/step-12/model.safetensors");
        let mut bytes = fs::read(&weights).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&weights, bytes).unwrap();
    });
    assert!(
        message.contains("step-12") && message.contains("model.safetensors"),
        "{message}"
    );
    assert!(message.contains("does not match its digest"), "{message}");
}

#[test]
fn a_run_without_any_checkpoint_left_starts_over() {
    resumed_after(|run| {
        fs::remove_dir_all(run.join("checkpoints")).unwrap();
        fs::create_dir(run.join("checkpoints")).unwrap();
    });
}

#[test]
fn metrics_of_a_resumed_run_hold_every_step_once() {
    let (_folder, _, run) = two_runs();
    let arguments = "--set training.steps=12 --set training.checkpoint_every=4";
    succeed(&mut train("smoke_t5", &run, arguments));
    let steps = |text: &str| -> Vec<u64> {
        let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
        let training = lines
            .map(Result::unwrap)
            .filter(|line| line["kind"] == "training");
        training
            .map(|line| line["step"].as_u64().unwrap())
            .collect()
    };
    let metrics = run.join("metrics.jsonl");
    let before = fs::read_to_string(&metrics).unwrap();
    fs::remove_dir_all(run.join("checkpoints/step-12")).unwrap();
    fs::write(&metrics, format!("{before}{{\"kind\":\"trai")).unwrap();
    succeed(&mut resume(&run));
    let after = fs::read_to_string(&metrics).unwrap();
    assert_eq!(steps(&before), steps(&after));
    assert_eq!(steps(&after), [1, 4, 8, 12]);
}

#[test]
fn an_evaluation_that_was_cut_off_is_made_up_for() {
    let (_folder, whole, run) = two_runs();
    let arguments = "--set training.steps=12 --set training.checkpoint_every=4 \
                     --set training.evaluate_every=4 --set checkpoints.best_score=loss";
    succeed(&mut train("smoke_t5", &whole, arguments));
    succeed(&mut train("smoke_t5", &run, arguments));
    // As an interruption in the evaluation of step 8 leaves it.
    fs::remove_dir_all(run.join("checkpoints/step-12")).unwrap();
    let metrics = run.join("metrics.jsonl");
    let text = fs::read_to_string(&metrics).unwrap();
    let is_cut = |line: &&str| !line.starts_with("{\"kind\":\"evaluation\",\"step\":8");
    let cut: Vec<&str> = text.lines().filter(is_cut).collect();
    assert_eq!(cut.len() + 1, text.lines().count());
    fs::write(&metrics, cut.join("\n") + "\n").unwrap();
    succeed(&mut resume(&run));
    let evaluations = |run: &Path| -> Vec<String> {
        let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let lines = text.lines().filter(|line| line.contains("\"evaluation\""));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(evaluations(&run), evaluations(&whole));
}

#[test]
fn a_run_that_was_stopped_before_it_began_does_not_block_its_folder() {
    let (_folder, _, run) = two_runs();
    fs::create_dir_all(run.join("checkpoints")).unwrap();
    fs::create_dir_all(run.join("tokenizer")).unwrap();
    fs::write(run.join(".lock"), "").unwrap();
    for name in [
        "origin.json",
        ".origin.json.partial",
        ".recipe.toml.partial",
    ] {
        fs::write(run.join(name), "{").unwrap();
    }
    succeed(&mut train("smoke_t5", &run, ""));
    assert!(newest(&run).is_some());
    let names = fs::read_dir(&run).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.ends_with(".partial")).count(), 0);
}
