//! `--explain`

use std::fs;

use assert_cmd::Command;
use tempfile::tempdir;

use super::texts::refused;
use super::{TEXTS, answers, ask};

/// Arguments, the model, and what its page holds.
const CASES: [(&str, &str, &str); 7] = [
    ("classify", "classify", "the logit of"),
    ("tag", "tag", "Attention of the encoder"),
    (
        "answer --question Who?",
        "answer",
        "the logits of the first and the last token",
    ),
    ("detect", "detect", "How replaced each token seems"),
    (
        "generate --max-new-tokens 4 --num-beams 2",
        "t5",
        "Attention of the answer to the input",
    ),
    (
        "summarize --max-new-tokens 4",
        "t5",
        "Attention of the answer to the input",
    ),
    (
        "translate --max-new-tokens 4",
        "t5",
        "Attention of the decoder",
    ),
];

fn command(arguments: &str, model: &str, page: &std::path::Path) -> Command {
    let mut command = ask(arguments, model);
    command.arg("--explain").arg(page);
    command
}

#[test]
fn answers_are_the_same_and_the_page_has_a_section_for_each() {
    let folder = tempdir().unwrap();
    let page = folder.path().join("page.html");
    for (arguments, model, part) in CASES {
        let plain = answers(ask(arguments, model).arg("--").args(TEXTS));
        // Written over the page of the case before.
        let found = answers(command(arguments, model, &page).arg("--").args(TEXTS));
        assert_eq!(found, plain, "{arguments}");
        let html = fs::read_to_string(&page).unwrap();
        assert_eq!(html.matches("<section>").count(), 4, "{arguments}");
        assert!(
            html.contains(part) && html.ends_with("</html>\n"),
            "{arguments}: {html}"
        );
        let places = ["The old cat", "Anna lives in Paris"].map(|text| html.find(text).unwrap());
        assert!(places.is_sorted(), "{arguments}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_first_twenty_texts_are_explained() {
    let folder = tempdir().unwrap();
    let page = folder.path().join("page.html");
    for (arguments, model) in [("detect", "detect"), ("generate --max-new-tokens 2", "t5")] {
        let texts: String = (0..23).map(|number| format!("cat {number}\n")).collect();
        let lines = answers(command(arguments, model, &page).write_stdin(texts));
        assert_eq!(lines.lines().count(), 23);
        let html = fs::read_to_string(&page).unwrap();
        assert_eq!(html.matches("<section>").count(), 20);
        assert!(html.contains("The first 20 of 23 texts."), "{arguments}");
        assert!(html.contains("cat 19</bdi></p>") && !html.contains("cat 20</bdi></p>"));
    }
}

#[test]
fn pairs_are_explained_together() {
    let folder = tempdir().unwrap();
    let page = folder.path().join("page.html");
    let mut command = command("classify --pair-field b", "classify", &page);
    answers(command.write_stdin("{\"text\": \"the cat\", \"b\": \"sleeps\"}\n"));
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("<bdi>the cat</bdi>") && html.contains("<bdi>sleeps</bdi>"));
}

#[test]
fn texts_before_one_that_cannot_be_answered_stand_on_the_page() {
    let folder = tempdir().unwrap();
    let page = folder.path().join("page.html");
    let [_, stderr] = refused(command("tag", "tag", &page).write_stdin(b"Anna\n\xff\n"));
    assert!(stderr.contains("standard input:2"), "{stderr}");
    assert_eq!(
        fs::read_to_string(&page)
            .unwrap()
            .matches("<section>")
            .count(),
        1
    );
}

#[test]
fn a_place_where_no_page_may_be_is_refused_before_anything_is_answered() {
    let folder = tempdir().unwrap();
    let other = folder.path().join("mine.html");
    fs::write(&other, "<title>Mine</title>").unwrap();
    let nowhere = folder.path().join("nowhere/page.html");
    for (page, part) in [
        (other.as_path(), "exists and is no page"),
        (nowhere.as_path(), "is no folder"),
        (folder.path(), "cannot write"),
    ] {
        for (arguments, model) in [("detect", "detect"), ("generate", "t5")] {
            let [stdout, stderr] = refused(command(arguments, model, page).arg("a"));
            assert!(stderr.contains(part), "{arguments}: {stderr}");
            assert_eq!(stdout, "");
        }
    }
    assert_eq!(fs::read_to_string(&other).unwrap(), "<title>Mine</title>");
}

#[test]
fn what_is_not_explained_is_refused_by_name() {
    let folder = tempdir().unwrap();
    let page = folder.path().join("page.html");
    for (arguments, model, part) in [
        ("classify", "t5_classify", "Classifier"),
        ("tag", "t5_tag", "Tagger"),
        ("generate --stream", "t5", "--stream"),
        ("embed", "t5", "--explain"),
        ("fill-mask", "fill_mask", "--explain"),
    ] {
        let [stdout, stderr] = refused(command(arguments, model, &page).arg("a"));
        assert!(stderr.contains(part), "{arguments}: {stderr}");
        assert_eq!(stdout, "");
    }
    assert!(!page.exists());
}
