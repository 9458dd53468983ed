//! What is refused, what is not read to the end, and what was written until then.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use super::texts::{Answering, refused};
use super::{ask, model};

#[test]
fn models_of_the_wrong_kind_are_named_with_what_would_do() {
    for (arguments, model, parts) in [
        (
            "classify",
            "tag",
            ["pipelines_tag", "ForSequenceClassification"],
        ),
        ("tag", "t5", ["pipelines_t5", "T5ForTokenClassification"]),
        ("answer --question a", "t5", ["`t5`", "wants electra"]),
        (
            "fill-mask",
            "detect",
            ["pipelines_detect", "ElectraForMaskedLM"],
        ),
        (
            "fill-mask",
            "t5_tag",
            ["pipelines_t5_tag", "T5ForConditionalGeneration"],
        ),
        (
            "classify --labels b,c",
            "classify",
            ["`electra`", "wants t5"],
        ),
        ("detect", "t5", ["`t5`", "wants electra"]),
        ("summarize", "detect", ["`electra`", "wants t5"]),
        (
            "translate",
            "t5_tag",
            ["pipelines_t5_tag", "T5ForConditionalGeneration"],
        ),
        (
            "embed",
            "missing",
            ["pipelines_missing is no folder", "checkpoint"],
        ),
    ] {
        let [stdout, stderr] = refused(ask(arguments, model).arg("a"));
        for part in parts {
            assert!(stderr.contains(part), "{arguments}: {stderr}");
        }
        assert_eq!(stdout, "");
    }
}

#[test]
fn folders_above_a_model_are_told_where_it_is() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let checkpoint = run.join("checkpoints/step-1");
    fs::create_dir_all(checkpoint.join("discriminator")).unwrap();
    for (model, part) in [
        (run, "give one of its checkpoints"),
        (checkpoint, "give its folder discriminator or generator"),
    ] {
        let mut command = assert_cmd::Command::cargo_bin("lamplight").unwrap();
        command.args(["detect", "a", "--model"]).arg(&model);
        let [_, stderr] = refused(&mut command);
        assert!(stderr.contains(part), "{stderr}");
    }
}

#[test]
fn a_model_without_tokenizer_is_told_what_to_do() {
    let folder = tempdir().unwrap();
    for name in ["config.json", "model.safetensors"] {
        fs::copy(model("detect").join(name), folder.path().join(name)).unwrap();
    }
    let mut command = assert_cmd::Command::cargo_bin("lamplight").unwrap();
    command.args(["detect", "a", "--model"]).arg(folder.path());
    let [_, stderr] = refused(&mut command);
    assert!(
        stderr.contains("no tokenizer in") && stderr.contains("put its files"),
        "{stderr}"
    );
}

#[test]
fn options_that_cannot_be_followed_are_refused_by_name() {
    for (arguments, model, part) in [
        ("classify --top-k 0", "classify", "--top-k"),
        ("classify --pair-field b", "classify", "--pair-field"),
        ("classify --labels b,,c", "t5", "blank"),
        ("classify --labels b,c --prompt no-place", "t5", "{text}"),
        ("classify --prompt {text}", "t5", "--labels"),
        ("classify --labels b --pair-field c", "t5", "--pair-field"),
        ("fill-mask --top-k 2", "t5", "--top-k"),
        ("fill-mask", "t5", "<extra_id_0>"),
        ("tag --aggregation max", "tag", "--aggregation"),
        ("answer", "answer", "--question"),
        ("detect --threshold 1.5", "detect", "--threshold"),
        ("detect --threshold NaN", "detect", "--threshold"),
        ("translate --to xx", "t5", "xx"),
        ("translate --set num_beam=2", "t5", "num_beam"),
        ("summarize --num-beams 0", "t5", "num_beams"),
        (
            "summarize --num-beams 2 --set num_return_sequences=2",
            "t5",
            "num_return_sequences",
        ),
        ("embed --device gpu", "t5", "--device"),
    ] {
        let [stdout, stderr] = refused(ask(arguments, model).arg("a"));
        assert!(stderr.contains(part), "{arguments}: {stderr}");
        assert_eq!(stdout, "");
    }
}

#[test]
fn a_bad_record_of_a_file_is_found_before_anything_is_answered() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("pairs.jsonl");
    fs::write(
        &file,
        "{\"text\": \"a\", \"b\": \"c\"}\n{\"text\": \"a\", \"b\": 3}\n",
    )
    .unwrap();
    let mut command = ask("classify --pair-field b", "classify");
    let [stdout, stderr] = refused(command.arg("--input").arg(&file));
    assert!(
        stderr.contains("pairs.jsonl:2") && stderr.contains("\"b\""),
        "{stderr}"
    );
    assert_eq!(stdout, "");
}

#[test]
fn a_bad_line_of_standard_input_loses_no_answer_before_it() {
    let before = super::answers(ask("tag", "tag").args(["Anna", "", "sings"]));
    let [stdout, stderr] = refused(ask("tag", "tag").write_stdin(b"Anna\n\nsings\n\xff\na\n"));
    assert_eq!(stdout, before);
    assert!(stderr.contains("standard input:4"), "{stderr}");

    let records = "{\"context\": \"Anna sings\", \"question\": \"Who?\"}\n{\"context\": \"a\"}\n";
    let [stdout, stderr] = refused(ask("answer", "answer").write_stdin(records));
    assert_eq!(stdout.lines().count(), 1);
    assert!(
        stderr.contains("standard input:2") && stderr.contains("question"),
        "{stderr}"
    );
}

#[test]
fn a_text_that_cannot_be_answered_is_named_after_those_before_it() {
    let texts = ["The [MASK] cat", "", "[MASK] sings", "no mask", "[MASK]"];
    let before = super::answers(ask("fill-mask", "fill_mask").args(&texts[..3]));
    let [stdout, stderr] = refused(ask("fill-mask", "fill_mask").args(texts));
    assert_eq!(stdout, before);
    assert!(stderr.contains("text 4 has no [MASK]"), "{stderr}");
    // Not in the first window.
    let many = "The [MASK] cat sleeps\n".repeat(700);
    let [stdout, stderr] =
        refused(ask("fill-mask", "fill_mask").write_stdin(format!("{many}\nbad")));
    assert_eq!(stdout.lines().count(), 701);
    assert!(stderr.contains("text 702 has no [MASK]"), "{stderr}");
}

/// Starts to answer a file of the same line many times.
fn start(folder: &Path, num_texts: usize) -> Answering {
    let file = folder.join("texts.txt");
    fs::write(&file, "the old cat sleeps near Berlin\n".repeat(num_texts)).unwrap();
    Answering::start(|command| {
        command.args(["detect", "--model"]).arg(model("detect"));
        command.arg("--input").arg(file);
    })
}

#[test]
fn a_reader_that_goes_away_ends_it_in_peace() {
    let folder = tempdir().unwrap();
    start(folder.path(), 20_000).assert_ends_in_peace_without_a_reader();
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_after_the_window_with_whole_lines() {
    let folder = tempdir().unwrap();
    let stderr = start(folder.path(), 100_000).assert_interrupt_leaves_whole_lines(100_000);
    assert!(stderr.contains("stopping"), "{stderr}");
}
