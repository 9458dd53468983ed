//! The binary as a process: good input, bad input, and what it leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::{TempDir, tempdir};

/// Small enough for seconds: two layers, three steps.
const TINY: [&str; 14] = [
    "--set",
    "training.steps=3",
    "--set",
    "training.batch_size=2",
    "--set",
    "training.log_every=1",
    "--set",
    "evaluation.max_batches=1",
    "--set",
    "evaluation.num_answers=1",
    "--set",
    "data.inputs_length=16",
    "--set",
    "data.held_out=0.2",
];

fn lamplight(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("lamplight").unwrap();
    command.args(arguments);
    command
}

/// Runs a refused command and gives what it said.
fn refusal(arguments: &[&str]) -> String {
    let output = lamplight(arguments).assert().code(2).get_output().clone();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with a corpus of this name and content, and a path for the output in it.
fn corpus(name: &str, content: impl AsRef<[u8]>) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, content).unwrap();
    let output = folder.path().join("run");
    (folder, file, output)
}

fn sentences() -> String {
    let sentence = |i: usize| {
        format!(
            "the lamp number {i} stands on table {} near window {}\n\n",
            i % 7,
            i % 5
        )
    };
    (0..60).map(sentence).collect()
}

fn train_on(name: &str, content: impl AsRef<[u8]>) -> String {
    let (_folder, file, output) = corpus(name, content);
    let message = refusal(&[
        "train",
        "electra_tiny",
        "--data",
        text(&file),
        "--output",
        text(&output),
    ]);
    assert!(!output.exists(), "a refused run left {output:?}");
    assert!(message.contains(name), "{message}");
    message
}

#[test]
fn help_names_the_commands() {
    let output = lamplight(&["--help"])
        .assert()
        .success()
        .get_output()
        .clone();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("train") && help.contains("devices"), "{help}");
}

#[test]
fn devices_lists_the_default_one() {
    let output = lamplight(&["devices"])
        .assert()
        .success()
        .get_output()
        .clone();
    let list = String::from_utf8(output.stdout).unwrap();
    assert!(list.contains("flex"), "{list}");
}

#[test]
fn an_unknown_device_is_refused_with_the_known_ones() {
    let message = refusal(&["train", "--device", "toaster"]);
    assert!(
        message.contains("toaster") && message.contains("cuda"),
        "{message}"
    );
}

#[test]
fn an_unknown_recipe_is_refused_with_a_suggestion() {
    let message = refusal(&["train", "electra_smal"]);
    assert!(
        message.contains("did you mean `electra_small`?"),
        "{message}"
    );
}

#[test]
fn an_unknown_key_is_refused_by_file_and_line() {
    let (_folder, file, output) = corpus("mine.toml", "description = \"x\"\nmodle = 1\n");
    let message = refusal(&["train", text(&file), "--output", text(&output)]);
    assert!(
        message.contains("mine.toml:2") && message.contains("`modle`"),
        "{message}"
    );
    assert!(message.contains("did you mean `model`?"), "{message}");
}

#[test]
fn overrides_with_unknown_keys_and_absurd_values_are_refused() {
    for (setting, expected) in [
        ("training.stepz=5", "did you mean `steps`?"),
        ("training.steps=0", "`training.steps` is 0"),
        (
            "optimizer.learning_rate=nan",
            "`optimizer.learning_rate` is NaN",
        ),
        ("model.config.hiden_size=64", "did you mean `hidden_size`?"),
        ("model.config.hidden_size=0", "hidden_size"),
        ("data.inputs_length=4096", "data.inputs_length"),
    ] {
        let (_folder, file, output) = corpus("corpus.txt", sentences());
        let message = refusal(&[
            "train",
            "electra_tiny",
            "--data",
            text(&file),
            "--output",
            text(&output),
            "--set",
            setting,
        ]);
        assert!(message.contains(expected), "{setting}: {message}");
        assert!(!output.exists());
    }
}

#[test]
fn a_missing_corpus_or_tokenizer_is_refused_by_path() {
    let (folder, file, output) = corpus("corpus.txt", sentences());
    let missing = folder.path().join("no-such-file.txt");
    let message = refusal(&[
        "train",
        "electra_tiny",
        "--data",
        text(&missing),
        "--output",
        text(&output),
    ]);
    assert!(message.contains("no-such-file.txt"), "{message}");
    let message = refusal(&[
        "train",
        "electra_tiny",
        "--data",
        text(&file),
        "--tokenizer",
        text(&missing),
        "--output",
        text(&output),
    ]);
    assert!(message.contains("no-such-file.txt"), "{message}");
    let message = refusal(&["train", "electra_tiny", "--output", text(&output)]);
    assert!(message.contains("--data"), "{message}");
    assert!(!output.exists());
}

#[test]
fn a_corpus_without_text_is_refused() {
    train_on("empty.txt", "");
    train_on("blank.jsonl", "\n\n");
}

#[test]
fn a_corpus_of_broken_lines_is_refused() {
    train_on("broken.jsonl", "{\"text\": \"unclosed\n".repeat(30));
    train_on("other.jsonl", "{\"body\": \"x\"}\n".repeat(30));
    train_on("latin.txt", b"caf\xe9 \xff\xfe\n\n".repeat(30));
    train_on("cut.txt.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 75]);
}

#[test]
fn an_output_that_is_taken_is_refused_and_kept() {
    let (folder, file, _) = corpus("corpus.txt", sentences());
    let train = |output: &Path| {
        refusal(&[
            "train",
            "electra_tiny",
            "--data",
            text(&file),
            "--output",
            text(output),
        ])
    };
    let message = train(&file);
    assert!(
        message.contains("corpus.txt") && message.contains("is a file"),
        "{message}"
    );
    assert!(train(&file.join("below")).contains("corpus.txt"));
    let message = train(folder.path());
    assert!(message.contains("not empty"), "{message}");
    assert_eq!(fs::read_to_string(&file).unwrap(), sentences());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_quickstart_takes_no_corpus_of_its_own() {
    let message = refusal(&["train", "--data", "corpus.txt"]);
    assert!(message.to_lowercase().contains("recipe"), "{message}");
}

fn assert_run(output: &Path) {
    let metrics = fs::read_to_string(output.join("metrics.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = metrics
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_kind = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!(
        (of_kind("training"), of_kind("evaluation")),
        (3, 1),
        "{metrics}"
    );
    let report = fs::read_to_string(output.join("report.html")).unwrap();
    assert!(report.contains("<svg") && report.ends_with("</html>\n"));
    assert!(
        fs::read_to_string(output.join("recipe.toml"))
            .unwrap()
            .contains("steps = 3")
    );
    let entries = fs::read_dir(output.join("checkpoints")).unwrap();
    let names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["step-3"]);
}

#[test]
fn three_steps_on_a_text_leave_metrics_checkpoint_and_report() {
    let (_folder, file, output) = corpus("corpus.txt", sentences());
    let mut electra = vec![
        "train",
        "electra_tiny",
        "--data",
        text(&file),
        "--output",
        text(&output),
    ];
    electra.extend(TINY);
    electra.extend(["--set", "data.train_tokenizer.vocab_size=80"]);
    let stdout = lamplight(&electra)
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let stdout = String::from_utf8(stdout).unwrap();
    assert!(
        stdout.contains("detection auc") && stdout.contains("report.html"),
        "{stdout}"
    );
    assert_run(&output);
    for part in ["discriminator", "generator"] {
        for name in ["config.json", "model.safetensors", "tokenizer.json"] {
            let path = output.join("checkpoints/step-3").join(part).join(name);
            assert!(path.is_file(), "{path:?}");
        }
    }
}

#[test]
fn three_steps_of_span_corruption_leave_a_t5() {
    let (_folder, file, output) = corpus("corpus.txt", sentences());
    let mut t5 = vec![
        "train",
        "t5_tiny",
        "--data",
        text(&file),
        "--output",
        text(&output),
    ];
    t5.extend(TINY);
    t5.extend(["--set", "data.train_tokenizer.vocab_size=260"]);
    lamplight(&t5).assert().success();
    assert_run(&output);
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        assert!(
            output.join("checkpoints/step-3").join(name).is_file(),
            "{name}"
        );
    }
}

#[test]
fn a_recipe_saved_with_a_run_runs_again() {
    let (folder, file, output) = corpus("corpus.txt", sentences());
    let mut first = vec![
        "train",
        "electra_tiny",
        "--data",
        text(&file),
        "--output",
        text(&output),
    ];
    first.extend(TINY);
    lamplight(&first).assert().success();
    let recipe = output.join("recipe.toml");
    let again = folder.path().join("again");
    lamplight(&[
        "train",
        text(&recipe),
        "--data",
        text(&file),
        "--output",
        text(&again),
    ])
    .assert()
    .success();
    let losses = |run: &Path| -> Vec<f64> {
        let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let lines = metrics
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter_map(|line| line["loss"].as_f64()).collect()
    };
    assert_eq!(
        losses(&output),
        losses(&again),
        "the same recipe, text and seed train the same"
    );
}

/// Waits until the file holds a line.
#[cfg(unix)]
fn wait_for_line(file: &Path) {
    for _ in 0..600 {
        if fs::read_to_string(file).is_ok_and(|text| text.contains('\n')) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("no line in {file:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_run_with_a_checkpoint() {
    let (_folder, file, output) = corpus("corpus.txt", sentences());
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("lamplight"))
        .args([
            "train",
            "electra_tiny",
            "--data",
            text(&file),
            "--output",
            text(&output),
        ])
        .args(TINY)
        .args(["--set", "training.steps=1000000"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_for_line(&output.join("metrics.jsonl"));
    let signal = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(signal.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(output.join("checkpoints")).unwrap().count(), 1);
    assert!(output.join("report.html").is_file());
}
