//! What the binary leaves to watch a run by: metrics, event files, the report, comparisons.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::{TempDir, tempdir};

fn lamplight(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("lamplight").unwrap();
    command.current_dir(folder).args(arguments);
    command
}

/// Four steps of a tiny ELECTRA, an evaluation after every second.
fn train(folder: &Path, output: &str, more: &[&str]) {
    let sentence = |i: usize| format!("the lamp number {i} stands on table {} here\n\n", i % 7);
    let text: String = (0..60).map(sentence).collect();
    fs::write(folder.join("corpus.txt"), text).unwrap();
    let mut arguments = vec![
        "train",
        "electra_tiny",
        "--data",
        "corpus.txt",
        "--output",
        output,
    ];
    for setting in [
        "training.steps=4",
        "training.batch_size=2",
        "training.log_every=1",
        "training.evaluate_every=2",
        "evaluation.max_batches=1",
        "data.inputs_length=16",
        "data.held_out=0.2",
        "data.train_tokenizer.vocab_size=80",
    ] {
        arguments.extend(["--set", setting]);
    }
    arguments.extend(more);
    lamplight(folder, &arguments).assert().success();
}

fn two_runs() -> TempDir {
    let folder = tempdir().unwrap();
    train(folder.path(), "one", &[]);
    train(folder.path(), "two", &["--set", "training.seed=5"]);
    folder
}

fn stdout(command: &mut Command) -> String {
    String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
}

fn refusal(command: &mut Command) -> String {
    String::from_utf8(command.assert().code(2).get_output().stderr.clone()).unwrap()
}

#[test]
fn metrics_tell_speed_and_memory() {
    let folder = tempdir().unwrap();
    train(folder.path(), "run", &[]);
    let metrics = fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(metrics.lines().next().unwrap()).unwrap();
    assert!(line["flops_per_second"].as_f64().unwrap() > 0.0, "{line}");
    assert_eq!(line["num_skipped"], 0);
    #[cfg(target_os = "linux")]
    assert!(line["memory_bytes"].as_u64().unwrap() > 1 << 20, "{line}");
    let report = fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    assert!(report.contains("Model GFLOP per second"), "{report}");
    assert!(!folder.path().join("run/tensorboard").exists());
}

#[test]
fn event_files_are_written_where_they_are_asked_for() {
    let folder = tempdir().unwrap();
    train(
        folder.path(),
        "run",
        &["--tensorboard", "--peak-flops", "1e12"],
    );
    let files: Vec<PathBuf> = fs::read_dir(folder.path().join("run/tensorboard"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let bytes = fs::read(&files[0]).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for tag in ["brain.Event:2", "training/loss", "held_out/detection_auc"] {
        assert!(text.contains(tag), "{tag}");
    }
}

#[test]
fn a_peak_that_is_no_number_above_zero_is_refused() {
    let folder = tempdir().unwrap();
    for peak in ["0", "-1e12", "fast", "nan", "inf"] {
        let peak = format!("--peak-flops={peak}");
        let message = refusal(&mut lamplight(folder.path(), &["train", "t5_tiny", &peak]));
        assert!(message.contains("above 0"), "{message}");
    }
}

#[test]
fn runs_are_compared_in_a_table_and_a_page() {
    let folder = two_runs();
    let compare = |more: &[&str]| {
        let mut arguments = vec!["compare", "one", "two"];
        arguments.extend(more);
        lamplight(folder.path(), &arguments)
    };
    let table = stdout(&mut compare(&[]));
    for text in [
        "one",
        "two",
        "best detection auc",
        "training.seed",
        "compare.html",
    ] {
        assert!(table.contains(text), "{text}: {table}");
    }
    let page = fs::read_to_string(folder.path().join("compare.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("Training loss"));
    // Its own page is replaced, another file is not.
    stdout(&mut compare(&[]));
    fs::write(folder.path().join("notes.html"), "kept").unwrap();
    let message = refusal(&mut compare(&["--output", "notes.html"]));
    assert!(message.contains("notes.html"), "{message}");
    assert_eq!(
        fs::read_to_string(folder.path().join("notes.html")).unwrap(),
        "kept"
    );
}

#[test]
fn a_folder_that_is_no_run_is_refused_by_path() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let message = refusal(&mut lamplight(
        folder.path(),
        &["compare", "empty", "nowhere"],
    ));
    assert!(
        message.contains("empty is not the folder of a run"),
        "{message}"
    );
    assert!(!folder.path().join("compare.html").exists());
    refusal(&mut lamplight(folder.path(), &["compare", "empty"]));
}

/// A terminal of 80 by 24, which `script` makes and whose output it gives.
#[cfg(target_os = "linux")]
mod terminal {
    use std::io::Write;
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use super::*;

    const ENTERED: &str = "\x1b[?1049h";
    const LEFT: &str = "\x1b[?1049l";

    /// Starts a training of so many steps.
    fn start(folder: &Path, num_steps: &str) -> Child {
        let sentence = |i: usize| format!("the lamp number {i} stands on table {} here\n\n", i % 7);
        fs::write(
            folder.join("corpus.txt"),
            (0..60).map(sentence).collect::<String>(),
        )
        .unwrap();
        let program = assert_cmd::cargo::cargo_bin!("lamplight")
            .display()
            .to_string();
        let command = format!(
            "stty rows 24 cols 80; exec '{program}' train electra_tiny --data corpus.txt --output run \
             --set training.steps={num_steps} --set training.batch_size=2 --set training.log_every=1 \
             --set data.inputs_length=16 --set data.held_out=0.2 \
             --set data.train_tokenizer.vocab_size=80"
        );
        Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .current_dir(folder)
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program `script` of util-linux")
    }

    fn wait_for_metrics(folder: &Path) {
        for _ in 0..600 {
            let metrics = fs::read_to_string(folder.join("run/metrics.jsonl"));
            if metrics.is_ok_and(|text| text.contains('\n')) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the run does not begin");
    }

    /// Presses keys; the pipe stays open, as its end would be Ctrl-D.
    fn press(child: &mut Child, keys: &[u8]) {
        let keyboard = child.stdin.as_mut().unwrap();
        keyboard.write_all(keys).unwrap();
        keyboard.flush().unwrap();
    }

    #[test]
    fn the_view_is_shown_and_the_terminal_given_back() {
        let folder = tempdir().unwrap();
        let mut child = start(folder.path(), "400");
        wait_for_metrics(folder.path());
        press(&mut child, b"typed");
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let (before, rest) = text.split_once(ENTERED).unwrap();
        let (view, after) = rest.split_once(LEFT).unwrap();
        assert_eq!(before, "");
        assert!(
            view.contains("training loss") && view.contains("tokens/s"),
            "{view}"
        );
        assert!(!view.contains("typed"), "keys are not echoed into the view");
        assert!(
            after.contains("step 400, held out:") && after.contains("report"),
            "{after}"
        );
    }

    #[test]
    fn ctrl_c_in_the_view_ends_the_run_with_a_checkpoint() {
        let folder = tempdir().unwrap();
        let mut child = start(folder.path(), "1000000");
        wait_for_metrics(folder.path());
        press(&mut child, b"\x03");
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(130), "{text}");
        assert!(text.contains(LEFT), "{text}");
        let checkpoints = fs::read_dir(folder.path().join("run/checkpoints")).unwrap();
        assert_eq!(checkpoints.count(), 1);
    }
}
