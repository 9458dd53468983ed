//! What the machine may do to a run: full disks, folders that cannot be written, signals, another
//! process in the same folder, too little memory.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod process;

use std::fs;
use std::path::Path;
use std::process::Command;

use process::disk::SmallDisk;
use process::{
    assert_same_checkpoint, counterpart, fail, lamplight, newest, resume, signal, spawn, succeed,
    train, two_runs, wait, wait_for_metrics,
};

/// The input was refused.
const BAD_INPUT: i32 = 2;
/// Something went wrong on the way.
const FAILURE: i32 = 1;
/// Training has diverged.
const DIVERGED: i32 = 3;
/// Not enough memory.
const OUT_OF_MEMORY: i32 = 4;
/// Ended by a signal, with a checkpoint.
const INTERRUPTED: i32 = 130;

fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let size = |entry: fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => size_of(&entry.path()),
        false => entry.metadata().unwrap().len().next_multiple_of(4096),
    };
    entries.map(size).sum()
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_the_last_checkpoint() {
    let arguments = "--set training.steps=30 --set training.checkpoint_every=1";
    let keep = format!("{arguments} --set checkpoints.keep_last=1000");
    let (_folder, whole, _) = two_runs();
    succeed(&mut train("smoke_t5", &whole, &keep));
    let Some(disk) = SmallDisk::mount(&format!("{}", size_of(&whole) / 2)) else {
        return;
    };
    let run = disk.path.join("run");
    let message = fail(&mut train("smoke_t5", &run, &keep), FAILURE);
    assert!(message.contains("cannot write the checkpoint"), "{message}");
    assert!(
        message.contains("step-") && message.contains(" bytes"),
        "{message}"
    );
    assert!(message.contains("No space left on device"), "{message}");
    let left = newest(&run).unwrap();
    let step = left.manifest.position.step;
    assert!((2..30).contains(&step), "{step}");
    assert_same_checkpoint(&left, &counterpart(&left, &whole));
    disk.remount("size=100m");
    succeed(&mut resume(&run));
    let [one, other] = [&whole, &run].map(|run| newest(run).unwrap());
    assert_same_checkpoint(&one, &other);
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_any_step() {
    let Some(disk) = SmallDisk::mount("8m") else {
        return;
    };
    let run = disk.path.join("run");
    succeed(&mut train("smoke_t5", &run, "--set training.steps=4"));
    let before = fs::read(run.join("metrics.jsonl")).unwrap();
    disk.remount("ro");
    let new = disk.path.join("new");
    let message = fail(&mut train("smoke_t5", &new, ""), BAD_INPUT);
    assert!(
        message.contains("new") && message.contains("Read-only"),
        "{message}"
    );
    let message = fail(&mut resume(&run), BAD_INPUT);
    assert!(
        message.contains("run/.lock") && message.contains("Read-only"),
        "{message}"
    );
    assert_eq!(fs::read(run.join("metrics.jsonl")).unwrap(), before);
}

/// Starts a run that would go on for ever, and waits until it trains.
fn endless(folder: &Path) -> std::process::Child {
    let arguments = "--set training.steps=1000000 --set training.log_every=1 \
                     --set training.checkpoint_every=1000000 --set training.evaluate_every=1000000";
    let mut child = spawn(&mut train("smoke_electra", folder, arguments));
    wait_for_metrics(&mut child, folder);
    child
}

#[test]
fn every_signal_that_ends_a_run_leaves_a_checkpoint_of_its_last_step() {
    for name in ["INT", "TERM", "USR1"] {
        let (_folder, run, _) = two_runs();
        let mut child = endless(&run);
        signal(&child, name);
        assert_eq!(wait(&mut child).code(), Some(INTERRUPTED), "{name}");
        let left = newest(&run).unwrap();
        let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let last: serde_json::Value =
            serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
        let step = left.manifest.position.step as u64;
        assert_eq!(last["step"].as_u64(), Some(step), "{name}");
    }
}

#[test]
fn a_run_that_diverges_says_what_to_change_and_has_an_exit_code_of_its_own() {
    let (_folder, run, _) = two_runs();
    let huge = "--set optimizer.learning_rate=1e30 --set schedule.warmup_steps=0";
    let message = fail(&mut train("smoke_t5", &run, huge), DIVERGED);
    assert!(message.contains("training has diverged"), "{message}");
    assert!(
        message.contains("lower optimizer.learning_rate"),
        "{message}"
    );
}

#[test]
fn an_electra_that_does_not_learn_is_told_what_to_change() {
    let (_folder, run, _) = two_runs();
    // The weights stay as they were drawn; with this seed their AUC happens to be at chance.
    let slow =
        "--set optimizer.learning_rate=1e-12 --set training.evaluate_every=5 --set training.seed=2";
    let output = succeed(&mut train("smoke_electra", &run, slow));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("the generator is not learning"),
        "{message}"
    );
    assert!(
        message.contains("raise optimizer.learning_rate"),
        "{message}"
    );
    assert!(
        message.contains("the discriminator has learned nothing"),
        "{message}"
    );
}

#[test]
fn a_scheduler_that_sends_several_signals_gets_its_checkpoint() {
    let (_folder, run, _) = two_runs();
    let mut child = endless(&run);
    for name in ["USR1", "TERM", "HUP", "TERM"] {
        // Gone already when it was quick.
        let _ = std::process::Command::new("kill")
            .args([&format!("-{name}"), &child.id().to_string()])
            .output();
    }
    assert_eq!(wait(&mut child).code(), Some(INTERRUPTED));
    assert!(newest(&run).is_some());
}

#[test]
fn weights_that_do_not_fit_are_refused_and_leave_no_folder() {
    let (_folder, run, other) = two_runs();
    succeed(&mut train(
        "smoke_t5",
        &other,
        "--set model.config.d_model=24",
    ));
    let from = other.join("checkpoints/step-40");
    let arguments = format!("--init-from {}", from.display());
    let message = fail(&mut train("smoke_t5", &run, &arguments), BAD_INPUT);
    assert!(
        message.contains("step-40") && message.contains("has shape"),
        "{message}"
    );
    assert!(!run.exists(), "a refused run left its folder");
}

#[test]
fn a_second_process_in_the_same_folder_is_refused_and_harms_nothing() {
    let (_folder, run, _) = two_runs();
    let mut first = endless(&run);
    let message = fail(&mut resume(&run), BAD_INPUT);
    assert!(message.contains("another process is training"), "{message}");
    let message = fail(&mut train("smoke_electra", &run, ""), BAD_INPUT);
    assert!(message.contains("not empty"), "{message}");
    signal(&first, "INT");
    assert_eq!(wait(&mut first).code(), Some(INTERRUPTED));
    assert!(newest(&run).is_some());
}

#[test]
fn what_is_no_run_cannot_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let message = fail(&mut resume(folder.path()), BAD_INPUT);
    assert!(message.contains("not the folder of a run"), "{message}");
    let missing = folder.path().join("missing");
    let message = fail(&mut resume(&missing), BAD_INPUT);
    assert!(message.contains("missing"), "{message}");
    let both = format!("train smoke_t5 --resume {}", missing.display());
    assert!(fail(&mut lamplight(&both), BAD_INPUT).contains("--resume"));
}

#[test]
fn a_recipe_or_texts_that_changed_are_refused() {
    let (folder, run, _) = two_runs();
    let corpus = folder.path().join("corpus.txt");
    let text: String = (0..60)
        .map(|i| format!("the lamp number {i} is lit\n\n"))
        .collect();
    fs::write(&corpus, &text).unwrap();
    let arguments = format!(
        "--data {} --set data.inputs_length=16 --set data.train_tokenizer.vocab_size=80 \
         --set training.batch_size=2 --set training.steps=2 --set data.held_out=0.2",
        corpus.display()
    );
    succeed(&mut train("electra_tiny", &run, &arguments));
    let recipe = run.join("recipe.toml");
    let before = fs::read_to_string(&recipe).unwrap();
    fs::write(&recipe, before.replace("steps = 2", "steps = 3")).unwrap();
    let message = fail(&mut resume(&run), BAD_INPUT);
    assert!(message.contains("another recipe"), "{message}");
    fs::write(&recipe, before).unwrap();
    fs::write(&corpus, text.replace("lit", "out")).unwrap();
    let message = fail(&mut resume(&run), BAD_INPUT);
    assert!(message.contains("texts are not those"), "{message}");
}

/// A run in a process that may not have more than a million KiB of memory.
fn limited(run: &Path, arguments: &str) -> Command {
    let program = assert_cmd::cargo::cargo_bin!("lamplight").display();
    let run = run.display();
    let script =
        format!("ulimit -v 1000000; exec {program} train smoke_t5 --output {run} {arguments}");
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    command
}

#[test]
fn too_little_memory_is_said_with_an_estimate_and_an_exit_code_of_its_own() {
    let (_folder, run, _) = two_runs();
    let huge = "--set model.config.d_model=4096 --set model.config.d_ff=65536";
    let message = fail(&mut limited(&run, huge), OUT_OF_MEMORY);
    assert!(
        message.contains("needs at least") && message.contains("GiB"),
        "{message}"
    );
    let wide = "--set training.batch_size=100000";
    let message = fail(&mut limited(&run, wide), OUT_OF_MEMORY);
    assert!(
        message.contains("needs at least") && message.contains("lower training.batch_size"),
        "{message}"
    );
    assert!(!run.exists(), "a refused run left its folder");
}

#[test]
fn memory_that_runs_out_on_the_way_is_said_too() {
    let (_folder, run, _) = two_runs();
    let message = fail(
        &mut limited(&run, "--set training.batch_size=14000"),
        OUT_OF_MEMORY,
    );
    assert!(message.contains("the system refused"), "{message}");
    assert!(message.contains("lower training.batch_size"), "{message}");
}

/// The library that tells a process another time of day, where Debian's `faketime` is installed.
fn faketime() -> Option<std::path::PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.map_while(Result::ok);
    let mut libraries = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    libraries.find(|library| library.is_file())
}

#[test]
fn a_clock_that_jumps_changes_no_rate_and_no_name() {
    let Some(library) = faketime() else {
        eprintln!("not tested: libfaketime is not installed");
        return;
    };
    let (folder, run, _) = two_runs();
    let clock = folder.path().join("clock");
    fs::write(&clock, "+0").unwrap();
    let arguments = "--tensorboard --set training.steps=400 --set training.log_every=1";
    let mut command = train("smoke_t5", &run, arguments);
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", &clock)
        .envs([
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]);
    let mut child = spawn(&mut command);
    wait_for_metrics(&mut child, &run);
    for jump in ["-400d", "+9000d", "-1d"] {
        fs::write(&clock, jump).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(wait(&mut child).success());
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let mut seconds = 0.0;
    for line in metrics.lines().filter(|line| line.contains("\"training\"")) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let rate = line["tokens_per_second"].as_f64().unwrap();
        assert!((1.0..1e7).contains(&rate), "{line}");
        let now = line["seconds"].as_f64().unwrap();
        assert!((seconds..600.0).contains(&now), "{line}");
        seconds = now;
    }
    assert_eq!(newest(&run).unwrap().manifest.position.step, 400);
}
