//! Texts and pairs of texts with a label.

use crate::{complaint, good, records};
use lamplight_data::{
    DataError,
    source::{
        BadRecords,
        labelled::{self, Label, LabelledRecords, LabelledText, TextFields},
    },
};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tempfile::TempDir;

fn texts(path: &Path) -> Result<LabelledRecords<LabelledText>, DataError> {
    labelled::texts(path, &TextFields::default())
}

fn text(first: &str, second: Option<&str>, label: Label) -> LabelledText {
    LabelledText {
        first: first.to_owned(),
        second: second.map(str::to_owned),
        label,
    }
}

fn class(name: &str) -> Label {
    Label::Class(name.to_owned())
}

#[test]
fn texts_go_by_the_names_of_glue() {
    for (record, second) in [
        (
            json!({ "sentence1": "A.", "sentence2": "B.", "label": 1 }),
            Some("B."),
        ),
        (
            json!({ "hypothesis": "B.", "premise": "A.", "label": 1 }),
            Some("B."),
        ),
        (
            json!({ "question1": "A.", "question2": "B.", "label": 1 }),
            Some("B."),
        ),
        (
            json!({ "question": "A.", "sentence": "B.", "label": 1 }),
            Some("B."),
        ),
        (json!({ "sentence1": "A.", "label": 1 }), None),
        (json!({ "sentence": "A.", "idx": 3, "label": 1 }), None),
        (json!({ "text": "A.", "label": 1 }), None),
    ] {
        let read = good("a.jsonl", record.to_string(), texts);
        assert_eq!(read, [text("A.", second, class("1"))], "{record}");
    }
}

#[test]
fn labels_are_classes_or_values_as_they_are_written() {
    let label = |label: Value| {
        let record = json!({ "text": "A.", "label": label });
        good("a.jsonl", record.to_string(), texts)
            .swap_remove(0)
            .label
    };
    assert_eq!(label(json!("entailment")), class("entailment"));
    assert_eq!(label(json!(2)), class("2"));
    assert_eq!(label(json!(true)), class("true"));
    assert_eq!(label(json!(3.5)), Label::Value(3.5));
    assert_eq!(label(json!(-2.0)), Label::Value(-2.0));
    assert_eq!(label(json!(3.0)).to_string(), "3");
    assert_eq!(label(json!(4)).value(), Some(4.0));
    assert_eq!(label(json!("x")).value(), None);
}

#[test]
fn csv_and_tsv_are_read_by_their_header() {
    let csv = "label,sentence2,sentence1\nyes,\"B, b\",A\n3.5,D,C\n";
    let read = good("a.csv", csv, texts);
    let expected = [
        text("A", Some("B, b"), class("yes")),
        text("C", Some("D"), class("3.5")),
    ];
    assert_eq!(read, expected);
    assert_eq!(read[1].label.value(), Some(3.5));

    let fields = TextFields {
        texts: Some(("body".to_owned(), None)),
        label: "topic".to_owned(),
    };
    let tsv = "topic\tbody\tsentence1\n1\tA \"quote\tx\n";
    let read = good("a.tsv", tsv, |path| labelled::texts(path, &fields));
    assert_eq!(read, [text("A \"quote", None, class("1"))]);

    let error = records("a.csv", "text,label\nA,1\n", |path| {
        labelled::texts(path, &fields)
    });
    assert!(
        error
            .err()
            .unwrap()
            .starts_with("a.csv has no column \"topic\"")
    );
    let error = records("a.csv", "text,tag\nA,1\n", texts).err().unwrap();
    assert!(error.starts_with("a.csv has no column \"label\""));
}

#[test]
fn a_text_that_cannot_be_used_is_named() {
    let pair = json!({ "sentence1": "A.", "sentence2": "B.", "label": 1 });
    let told = |bad: Value| complaint(&pair, &bad, texts);
    for (bad, expected) in [
        (
            json!({ "sentence1": "A.", "sentence2": "B." }),
            "no label: \"label\" is missing or null",
        ),
        (
            json!({ "sentence1": "A.", "sentence2": "B.", "label": null }),
            "no label: \"label\" is missing or null",
        ),
        (
            json!({ "sentence1": "A.", "sentence2": "B.", "label": -1 }),
            "no label: \"label\" is -1",
        ),
        (
            json!({ "sentence1": "A.", "sentence2": "B.", "label": -1.0 }),
            "no label: \"label\" is -1.0",
        ),
        (
            json!({ "sentence1": "A.", "sentence2": "B.", "label": "-1" }),
            "no label: \"label\" is \"-1\"",
        ),
        (
            json!({ "sentence1": "A.", "sentence2": "B.", "label": [1] }),
            "no label: \"label\" is [1]",
        ),
        // What the first record has is what all should have.
        (
            json!({ "sentence1": "A.", "label": 1 }),
            "no string field \"sentence2\"",
        ),
        (
            json!({ "sentence1": 5, "sentence2": "B.", "label": 1 }),
            "no string field \"sentence1\"",
        ),
        (
            json!({ "sentence1": " ", "sentence2": "B.", "label": 1 }),
            "\"sentence1\" is empty",
        ),
        (
            json!({ "sentence1": "A\0", "sentence2": "B.", "label": 1 }),
            "\"sentence1\" holds a NUL character",
        ),
    ] {
        assert_eq!(told(bad), format!("a.jsonl:2: {expected}"));
    }
    let unknown = records("a.jsonl", "{\"body\": \"A\", \"label\": 1}\n", texts).unwrap();
    let unknown = unknown[0].as_ref().unwrap_err();
    assert!(
        unknown.starts_with("a.jsonl:1: no text: expected one of \"sentence1\" and \"sentence2\",")
    );
}

#[test]
fn a_whole_set_without_labels_is_an_error_that_names_the_first() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.tsv");
    fs::write(&path, "sentence\tlabel\nA\t-1\nB\t-1\n").unwrap();
    let mut bad = BadRecords::default();
    let kept = texts(&path)
        .unwrap()
        .filter_map(|text| bad.keep(text).transpose());
    assert_eq!(kept.count(), 0);
    let error = bad.finish(0).unwrap_err().to_string();
    assert!(error.contains("test.tsv:2: no label"), "{error}");
}
