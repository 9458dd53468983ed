//! What is refused, what is not read to the end, and what was written until then.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use super::folders::letters;
use super::texts::{Answering, refused};
use super::{TEXTS, answers, generate};

#[test]
fn a_bad_line_of_a_file_is_found_before_anything_is_answered() {
    let model = letters();
    let folder = tempdir().unwrap();
    let cases: [(&str, &[u8]); 4] = [
        ("bad.txt", b"a\n\xff\n"),
        ("bad.jsonl", b"{\"text\": \"a\"}\n{\"text\": \n"),
        ("number.jsonl", b"{\"text\": \"a\"}\n{\"text\": 3}\n"),
        ("list.jsonl", b"{\"text\": \"a\"}\n[\"text\"]\n"),
    ];
    for (name, content) in cases {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        let [stdout, stderr] = refused(generate(model.path(), "--input").arg(&file));
        assert!(stderr.contains(&format!("{name}:2")), "{stderr}");
        assert_eq!(stdout, "");
    }
    let file = folder.path().join("table.csv.gz");
    fs::write(&file, "text\na\n").unwrap();
    let [_, stderr] = refused(generate(model.path(), "--input").arg(&file));
    assert!(
        stderr.contains("table.csv.gz") && stderr.contains("csv"),
        "{stderr}"
    );
}

#[test]
fn a_bad_line_of_standard_input_loses_no_answer_before_it() {
    let model = letters();
    let before = answers(model.path(), "", TEXTS);
    let input = [TEXTS.as_bytes(), b"\xff\n", b"a\n"].concat();
    let [stdout, stderr] = refused(generate(model.path(), "").write_stdin(input));
    assert_eq!(stdout, before);
    assert!(stderr.contains("standard input:6"), "{stderr}");
}

#[test]
fn folders_that_hold_no_model_are_named_with_what_would_do() {
    let folder = tempdir().unwrap();
    let missing = folder.path().join("missing");
    let run = folder.path().join("run");
    fs::create_dir_all(run.join("checkpoints")).unwrap();
    let reference = |name: &str| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../testing/reference")
            .join(name)
    };
    for (model, parts) in [
        (missing, ["missing is no folder", "checkpoint"]),
        (run, ["run is a run", "checkpoints"]),
        (folder.path().to_owned(), ["config.json", "cannot read"]),
        (reference("t5_v11"), ["no tokenizer in", "put its files"]),
        (
            reference("electra_small_pretraining"),
            ["config.json", "it must be t5"],
        ),
    ] {
        let [stdout, stderr] = refused(&mut generate(&model, "a"));
        for part in parts {
            assert!(stderr.contains(part), "{stderr}");
        }
        assert_eq!(stdout, "");
    }
}

#[test]
fn strategies_that_cannot_be_followed_are_refused_by_key() {
    let model = letters();
    for (arguments, part) in [
        ("--set num_beam=3", "num_beam"),
        ("--set nonsense", "KEY=VALUE"),
        ("--num-beams 0", "num_beams"),
        ("--num-beams 2 --stream", "num_beams"),
        (
            "--sample --num-return-sequences 2 --stream",
            "num_return_sequences",
        ),
        ("--sample --temperature 0", "temperature"),
        ("--scores", "--json"),
        ("--stream --json", "--json"),
        ("--batch-tokens 0", "--batch-tokens"),
        ("--set eos_token_id=5000", "eos_token_id"),
    ] {
        let [_, stderr] = refused(generate(model.path(), arguments).arg("a"));
        assert!(stderr.contains(part), "{arguments}: {stderr}");
    }
}

#[test]
fn a_vocabulary_that_is_larger_than_the_models_is_refused_where_it_matters() {
    let model = letters();
    let file = model.path().join("tokenizer.json");
    let tokenizer = fs::read_to_string(&file).unwrap();
    let more = r#"["▁and",-1.0],["one",-9.0],["two",-9.0],["▁lamp",0.5]"#;
    fs::write(&file, tokenizer.replace(r#"["▁and",-1.0]"#, more)).unwrap();
    let [stdout, stderr] = refused(generate(model.path(), "").write_stdin("a\nlamp\n"));
    assert!(
        stderr.contains("input 2") && stderr.contains("id 120"),
        "{stderr}"
    );
    assert_eq!(stdout.lines().count(), 1);
}

/// Starts to answer the same text many times, in a batch each.
fn start(model: &Path, num_texts: usize) -> Answering {
    Answering::start(|command| {
        command.args(["generate", "--batch-tokens", "1", "--model"]);
        command.arg(model).args(vec!["the sand"; num_texts]);
    })
}

#[test]
fn a_reader_that_goes_away_ends_it_in_peace() {
    start(letters().path(), 500).assert_ends_in_peace_without_a_reader();
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_after_the_batch_with_whole_lines() {
    let model = letters();
    let stderr = start(model.path(), 5000).assert_interrupt_leaves_whole_lines(5000);
    assert!(stderr.contains("stopping"), "{stderr}");
}
