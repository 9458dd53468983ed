//! Runs of the program for tests that start, kill and resume it.
#![allow(dead_code, reason = "each test program uses its own part")]

pub mod disk;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use lamplight_training::checkpoint::{Checkpoints, Intact, Manifest};

/// Longer than any run of the tests takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program with these arguments, separated by spaces.
pub fn lamplight(arguments: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lamplight"));
    command.args(arguments.split_whitespace());
    command
}

/// `train RECIPE` into a folder, with more arguments.
pub fn train(recipe: &str, folder: &Path, arguments: &str) -> Command {
    lamplight(&format!(
        "train {recipe} --output {} {arguments}",
        folder.display()
    ))
}

/// `train --resume` of a folder.
pub fn resume(folder: &Path) -> Command {
    lamplight(&format!("train --resume {}", folder.display()))
}

/// Runs to the end and expects success.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {stderr}", output.status);
    output
}

/// Runs to the end, expects this exit code and gives what was said.
pub fn fail(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

/// Starts in the background, saying nothing.
pub fn spawn(command: &mut Command) -> Child {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().unwrap()
}

/// Sends a signal by its name.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// Waits for the end, but not for ever.
pub fn wait(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(started.elapsed() < PATIENCE, "it did not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a run has logged its first step.
pub fn wait_for_metrics(child: &mut Child, run: &Path) {
    let started = Instant::now();
    while fs::metadata(run.join("metrics.jsonl")).map_or(0, |file| file.len()) == 0 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before");
        assert!(started.elapsed() < PATIENCE, "it did not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Writes a file of JSON Lines.
pub fn write_records(path: &Path, records: impl Iterator<Item = Value>) {
    let lines = records.map(|record| format!("{record}\n"));
    fs::write(path, lines.collect::<String>()).unwrap();
}

/// The scores of the last evaluation of a run.
pub fn last_scores(run: &Path) -> Value {
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = metrics.lines().rev();
    let mut lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.find(|line| line["kind"] == "evaluation").unwrap()
}

/// The checkpoints of a run.
pub fn checkpoints(run: &Path) -> Checkpoints {
    Checkpoints::new(run.join("checkpoints"))
}

/// The newest checkpoint with all files as they were written, if there is one.
pub fn newest(run: &Path) -> Option<Intact> {
    if !run.join("checkpoints").is_dir() {
        return None;
    }
    checkpoints(run).newest_intact(&mut |_| {}).unwrap()
}

/// Asserts that both folders hold the same weights and optimizer states, to the last bit, and that
/// the runs stood at the same place.
pub fn assert_same_checkpoint(left: &Intact, right: &Intact) {
    let (one, other) = (&left.manifest, &right.manifest);
    assert_eq!(one.position.step, other.position.step);
    assert_eq!(one.position.cursor, other.position.cursor);
    assert_eq!(one.position.stability, other.position.stability);
    assert!(one.files.keys().eq(other.files.keys()));
    for name in one.files.keys() {
        let [left, right] =
            [left, right].map(|checkpoint| fs::read(checkpoint.path.join(name)).unwrap());
        assert!(
            left == right,
            "{name} of step {} differs",
            one.position.step
        );
    }
}

/// The same step's checkpoint of another run.
pub fn counterpart(checkpoint: &Intact, run: &Path) -> Intact {
    let path = checkpoints(run).path(checkpoint.manifest.position.step);
    let manifest = Manifest::read(&path).unwrap();
    Intact { path, manifest }
}

/// A folder of a test, and the paths of two runs in it.
pub fn two_runs() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name));
    (folder, whole, killed)
}
