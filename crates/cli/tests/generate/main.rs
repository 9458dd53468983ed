//! `lamplight generate` as a process: texts from everywhere, answers in every form, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod folders;
mod refused;
#[path = "../texts/mod.rs"]
mod texts;

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::json;
use tempfile::tempdir;

use folders::{byt5, letters};
use texts::json_lines;

const TEXTS: &str = "the sand is hot\na\n\nlamp and line, and more\nx y z\n";

/// `generate` with a model and more arguments, separated by spaces.
fn generate(model: &Path, arguments: &str) -> Command {
    let mut command = Command::cargo_bin("lamplight").unwrap();
    command.arg("generate").arg("--model").arg(model);
    command.args(arguments.split_whitespace());
    command
}

fn success(command: &mut Command) -> Output {
    command.assert().success().get_output().clone()
}

/// What is answered to lines on standard input.
fn answers(model: &Path, arguments: &str, input: &str) -> String {
    let output = success(generate(model, arguments).write_stdin(input));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn weights_of_8_bits_answer_too() {
    let model = letters();
    let exact = answers(model.path(), "--dtype f32", TEXTS);
    assert_eq!(answers(model.path(), "", TEXTS), exact);
    let rounded = answers(model.path(), "--dtype int8 --num-beams 2", TEXTS);
    assert_eq!(rounded.lines().count(), exact.lines().count(), "{rounded}");
}

#[test]
fn each_line_has_its_answer_beside_it_wherever_it_comes_from() {
    let model = letters();
    let folder = tempdir().unwrap();
    let from_stdin = answers(model.path(), "", TEXTS);
    let lines: Vec<&str> = from_stdin.lines().collect();
    assert_eq!(lines.len(), 5, "{from_stdin}");
    assert_eq!(lines[2], "", "the answer to a blank line is one");
    assert!(lines[0] != lines[1] && !lines[0].is_empty(), "{from_stdin}");

    let file = folder.path().join("texts.txt");
    fs::write(&file, TEXTS).unwrap();
    let output = success(generate(model.path(), "--input").arg(file));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), from_stdin);
    let dash = answers(model.path(), "--input -", TEXTS);
    assert_eq!(dash, from_stdin);
    let given = success(generate(model.path(), "").args(TEXTS.lines()));
    assert_eq!(String::from_utf8(given.stdout).unwrap(), from_stdin);
}

#[test]
fn records_keep_their_fields_and_get_outputs() {
    let model = letters();
    let folder = tempdir().unwrap();
    let file = folder.path().join("records.jsonl");
    let records = concat!(
        r#"{"id": 7, "text": "moon", "outputs": "of another run"}"#,
        "\n\n",
        r#"{"text": "", "tags": [1, null]}"#,
        "\n"
    );
    fs::write(&file, records).unwrap();
    let mut command = generate(model.path(), "--json --input");
    let output = String::from_utf8(success(command.arg(&file)).stdout).unwrap();
    let [first, second] = json_lines(&output).try_into().unwrap();
    assert_eq!((&first["id"], &first["text"]), (&json!(7), &json!("moon")));
    let text = answers(model.path(), "", "moon\n");
    assert_eq!(first["outputs"][0]["text"], text.trim_end_matches('\n'));
    assert_eq!(first["outputs"][0]["finish_reason"], "end_of_text");
    assert_eq!(
        second,
        json!({"text": "", "tags": [1, null], "outputs": []})
    );

    let renamed = records.replace("\"text\"", "\"question\"");
    let by_field = answers(model.path(), "--json --field question", &renamed);
    assert_eq!(json_lines(&by_field)[0]["outputs"], first["outputs"]);
}

#[test]
fn json_tells_scores_and_ids_on_request() {
    let model = letters();
    let arguments = "--json --num-beams 3 --num-return-sequences 2 --max-new-tokens 6";
    let [plain] = json_lines(&answers(model.path(), arguments, "lamp"))
        .try_into()
        .unwrap();
    let scored = answers(model.path(), &format!("{arguments} --scores"), "lamp");
    let [scored] = json_lines(&scored).try_into().unwrap();
    assert_eq!(plain["input"], "lamp");
    let [best, second] = [0, 1].map(|index| &scored["outputs"][index]);
    assert!(best["score"].as_f64() >= second["score"].as_f64());
    let num_ids = best["ids"].as_array().unwrap().len();
    let num_scores = best["token_scores"].as_array().unwrap().len();
    let has_ended = best["finish_reason"] == "end_of_text";
    assert_eq!(num_scores, num_ids + usize::from(has_ended));
    for index in [0, 1] {
        let output = plain["outputs"][index].as_object().unwrap();
        assert_eq!(output["text"], scored["outputs"][index]["text"]);
        assert!(!output.contains_key("ids") && !output.contains_key("token_scores"));
    }
}

#[test]
fn answers_depend_on_no_batch_and_draws_on_the_number_of_the_input() {
    let model = letters();
    for strategy in [
        "",
        "--num-beams 3",
        "--sample",
        "--sample --num-return-sequences 2",
    ] {
        let texts = TEXTS.repeat(3);
        let one_by_one = answers(
            model.path(),
            &format!("{strategy} --batch-tokens 1"),
            &texts,
        );
        let at_once = answers(
            model.path(),
            &format!("{strategy} --batch-tokens 10000"),
            &texts,
        );
        assert_eq!(one_by_one, at_once, "{strategy}");
    }
    let draws = answers(model.path(), "--sample", "the sand\nthe sand\n");
    let lines: Vec<&str> = draws.lines().collect();
    assert_ne!(lines[0], lines[1]);
    let other_seed = answers(model.path(), "--sample --seed 1", "the sand\nthe sand\n");
    assert_ne!(draws, other_seed);
}

#[test]
fn streamed_answers_are_the_others() {
    for model in [letters(), byt5()] {
        for strategy in [
            "",
            "--sample --top-k 0 --seed 5",
            "--set penalty_alpha=0.6 --top-k 4",
        ] {
            let arguments = format!("{strategy} --max-new-tokens 24");
            let whole = answers(model.path(), &arguments, TEXTS);
            let streamed = answers(model.path(), &format!("{arguments} --stream"), TEXTS);
            assert_eq!(streamed, whole, "{strategy}");
        }
    }
}

#[test]
fn an_assistant_changes_no_answer() {
    let model = letters();
    let alone = answers(model.path(), "", TEXTS);
    let mut command = generate(model.path(), "--assistant");
    let assisted = success(command.arg(model.path()).write_stdin(TEXTS));
    assert_eq!(String::from_utf8(assisted.stdout).unwrap(), alone);
}

#[test]
fn arguments_go_before_the_config_of_the_model() {
    let model = letters();
    let config = r#"{"num_beams": 2, "max_new_tokens": 3}"#;
    fs::write(model.path().join("generation_config.json"), config).unwrap();
    let ids = |arguments: &str| {
        let output = answers(model.path(), &format!("--json --scores {arguments}"), "sun");
        let [line] = json_lines(&output).try_into().unwrap();
        line["outputs"][0]["ids"].as_array().unwrap().clone()
    };
    assert_eq!(ids("").len(), 3);
    assert_eq!(ids("--max-new-tokens 2").len(), 2);
    assert_eq!(
        ids("--set max_new_tokens=1 --set early_stopping=never").len(),
        1
    );
}

#[test]
fn a_prefix_is_put_before_each_text_and_long_ones_are_cut() {
    let model = letters();
    let plain = answers(model.path(), "", "say the sand\n");
    let prefixed = success(
        generate(model.path(), "--json")
            .args(["--prefix", "say "])
            .write_stdin("the sand\n"),
    );
    let [line] = json_lines(&String::from_utf8(prefixed.stdout).unwrap())
        .try_into()
        .unwrap();
    assert_eq!(line["input"], "the sand");
    assert_eq!(line["outputs"][0]["text"], plain.trim_end_matches('\n'));
    let long = "a a a a a a a a a a\n";
    assert_eq!(
        answers(model.path(), "--max-input-length 4", long),
        answers(model.path(), "", "a a a\n")
    );
}

#[test]
fn line_breaks_within_an_answer_are_spaces() {
    let model = byt5();
    let newline = u32::from(b'\n') + 3;
    // Nothing else is likely any more.
    let bias = format!("--set sequence_bias=[[[{newline}],1000.0]] --max-new-tokens 3");
    assert_eq!(answers(model.path(), &bias, "a\n"), "   \n");
    let json = answers(model.path(), &format!("{bias} --json"), "a\n");
    assert_eq!(json_lines(&json)[0]["outputs"][0]["text"], "\n\n\n");
}
