//! `lamplight classify` and the other commands that ask a pipeline, as processes on the committed models.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod explain;
mod options;
mod refused;
mod results;
#[path = "../texts/mod.rs"]
mod texts;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::json;
use tempfile::tempdir;

use texts::json_lines;

/// Plain, blank, from right to left with emoji, and with marks, control and long letters.
const TEXTS: [&str; 6] = [
    "The old cat sleeps under the bridge.",
    "",
    "שלום Anna 🙂 Peters houses",
    "naïve \u{1}Éa\u{200b} 漢字 [Anna: Peter]\tzzz",
    " \u{a0} ",
    "Anna lives in Paris, and Peter works near Berlin!",
];

/// A command with what it needs, and the key of its results.
struct Case {
    arguments: &'static str,
    model: &'static str,
    key: &'static str,
}

const fn case(arguments: &'static str, model: &'static str, key: &'static str) -> Case {
    Case {
        arguments,
        model,
        key,
    }
}

const CASES: [Case; 10] = [
    case("classify", "classify", "labels"),
    case("classify --top-k 2", "t5_classify", "labels"),
    case("classify", "rate", "labels"),
    case("tag", "tag", "entities"),
    case("tag --aggregation simple", "t5_tag", "entities"),
    case("answer --question Who? --top-k 2", "answer", "answers"),
    case("detect", "detect", "tokens"),
    case("embed", "t5", "embedding"),
    case("summarize --max-new-tokens 4", "t5", "outputs"),
    case(
        "translate --max-new-tokens 4 --num-beams 2",
        "t5",
        "outputs",
    ),
];

/// The folder of a committed model.
fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../testing/reference/pipelines_{name}"))
}

/// A command with arguments, separated by spaces, on a committed model.
fn ask(arguments: &str, name: &str) -> Command {
    let mut command = Command::cargo_bin("lamplight").unwrap();
    for name in ["FORCE_COLOR", "CLICOLOR_FORCE", "NO_COLOR"] {
        command.env_remove(name);
    }
    command.args(arguments.split_whitespace());
    command.arg("--model").arg(model(name));
    command
}

/// What a command that succeeds writes.
fn answers(command: &mut Command) -> String {
    let output = command.assert().success().get_output().clone();
    // A run that takes long says how fast it was.
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.is_empty() || stderr.contains("inputs/s"), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_text_has_its_line_beside_it_wherever_it_comes_from() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("texts.txt");
    fs::write(&file, TEXTS.join("\n")).unwrap();
    for Case {
        arguments,
        model,
        key,
    } in CASES
    {
        let given = answers(ask(arguments, model).arg("--").args(TEXTS));
        let lines: Vec<&str> = given.lines().collect();
        assert_eq!(lines.len(), TEXTS.len(), "{arguments}: {given}");
        for (line, text) in lines.iter().zip(TEXTS) {
            match (arguments, text.trim()) {
                ("embed", text) => assert!(line.starts_with("{\"input\":\""), "{text}: {line}"),
                (_, "") => assert_eq!(*line, "", "{arguments}"),
                // A tiny T5 may say nothing.
                _ => assert!(key == "outputs" || !line.is_empty(), "{arguments}: {given}"),
            }
        }
        let piped = answers(ask(arguments, model).write_stdin(TEXTS.join("\n")));
        assert_eq!(piped, given, "{arguments}");
        let read = answers(ask(arguments, model).arg("--input").arg(&file));
        assert_eq!(read, given, "{arguments}");
    }
}

#[test]
fn records_keep_their_fields_and_get_the_results_of_texts() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("records.jsonl");
    for Case {
        arguments,
        model,
        key,
    } in CASES
    {
        let field = if key == "answers" { "context" } else { "text" };
        let records = TEXTS.map(|text| json!({"id": 7, field: text, key: "of another run"}));
        let content: String = records
            .iter()
            .map(|record| format!("{record}\n\n"))
            .collect();
        fs::write(&file, &content).unwrap();
        let found = answers(
            ask(arguments, model)
                .arg("--json")
                .arg("--input")
                .arg(&file),
        );
        let given = answers(ask(arguments, model).arg("--json").arg("--").args(TEXTS));
        let [found, given] = [found, given].map(|lines| json_lines(&lines));
        assert_eq!(found.len(), TEXTS.len());
        for ((found, given), text) in found.iter().zip(&given).zip(TEXTS) {
            assert_eq!(
                found,
                &json!({"id": 7, field: text, key: given[key]}),
                "{arguments}"
            );
            assert_eq!(
                given,
                &json!({"input": text, key: given[key]}),
                "{arguments}"
            );
            let is_blank = text.trim().is_empty();
            assert_eq!(given[key] == json!([]), is_blank, "{arguments}: {text:?}");
        }
        let renamed = content.replace(&format!("\"{field}\""), "\"words\"");
        let renamed = ask(arguments, model)
            .args(["--json", "--field", "words"])
            .write_stdin(renamed)
            .assert()
            .success();
        let renamed = String::from_utf8(renamed.get_output().stdout.clone()).unwrap();
        for (renamed, given) in json_lines(&renamed).iter().zip(&given) {
            assert_eq!(renamed[key], given[key], "{arguments}");
        }
    }
}
