//! Labelled records: texts, words, questions and choices in their formats, and what is no record.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use flate2::{Compression, write::GzEncoder};
use lamplight_data::{
    DataError,
    source::{
        BadRecords,
        labelled::{
            self, Answer, AskedQuestion, Choices, Label, LabelledRecords, LabelledText,
            LabelledWords, TextFields,
        },
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{fs, io::Write, path::Path};
use tempfile::TempDir;

/// The records of a file of this name, with the file's path cut out of errors.
fn records<T>(
    name: &str,
    bytes: impl AsRef<[u8]>,
    open: impl FnOnce(&Path) -> Result<LabelledRecords<T>, DataError>,
) -> Result<Vec<Result<T, String>>, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let told = |error: DataError| {
        let message = error.to_string();
        assert!(message.contains(name), "{message}");
        message.replace(&*path.to_string_lossy(), name)
    };
    let records = open(&path).map_err(told)?;
    Ok(records.map(|record| record.map_err(told)).collect())
}

fn good<T>(
    name: &str,
    bytes: impl AsRef<[u8]>,
    open: impl FnOnce(&Path) -> Result<LabelledRecords<T>, DataError>,
) -> Vec<T> {
    let records = records(name, bytes, open).unwrap();
    records.into_iter().map(Result::unwrap).collect()
}

/// What is said of a line of a file whose first and last ones are good.
fn complaint<T>(
    good: &Value,
    bad: &Value,
    open: impl FnOnce(&Path) -> Result<LabelledRecords<T>, DataError>,
) -> String {
    let lines = format!("{good}\n{bad}\n{good}\n");
    let mut records = records("a.jsonl", lines, open).unwrap();
    assert_eq!(records.len(), 3);
    assert!(records.pop().unwrap().is_ok());
    records.pop().unwrap().err().unwrap()
}

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
            "no label: it has no field \"label\"",
        ),
        (
            json!({ "sentence1": "A.", "sentence2": "B.", "label": null }),
            "no label: it has no field \"label\"",
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

fn words(words: &[&str], labels: &[&str]) -> LabelledWords {
    LabelledWords {
        words: words.iter().map(|&word| word.to_owned()).collect(),
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
    }
}

#[test]
fn columns_are_words_and_labels_with_blank_lines_between_sentences() {
    let expected = [
        words(
            &["Anna", "lives", "in", "Graz"],
            &["B-PER", "O", "O", "B-LOC"],
        ),
        words(&["#"], &["O"]),
    ];
    let tabs = "\n\nAnna\tB-PER\nlives\tO\nin\tO\nGraz\tB-LOC\n\n \n#\tO";
    assert_eq!(good("a.conll", tabs, labelled::words), expected);
    assert_eq!(
        good("a.bio", tabs.replace('\n', "\r\n"), labelled::words),
        expected
    );
    let spaces = "-DOCSTART- -X- O O\n\nAnna NNP I-NP B-PER\nlives VBZ I-VP O\nin IN  I-PP   O\n\
                  Graz NNP I-NP B-LOC \n-DOCSTART- -X- O O\n# # O O\n\n";
    assert_eq!(good("a.txt", spaces, labelled::words), expected);
    // A word with a space in it.
    assert_eq!(
        good("a.tsv", "New York\tB-LOC\n", labelled::words),
        [words(&["New York"], &["B-LOC"])]
    );
    assert!(good("a.conll", "", labelled::words).is_empty());
}

#[test]
fn records_hold_words_and_labels_in_lists() {
    let lines = "{\"tokens\": [\"Anna\", \"lives\"], \"ner_tags\": [1, 0]}\n\
                 {\"tags\": [\"O\"], \"id\": 3, \"tokens\": [\"So\"]}\n";
    let expected = [
        words(&["Anna", "lives"], &["1", "0"]),
        words(&["So"], &["O"]),
    ];
    assert_eq!(good("a.jsonl", lines, labelled::words), expected);
}

#[test]
fn of_a_sentence_with_errors_the_first_is_told_and_the_next_one_is_read() {
    let mut bytes = b"a O\nb\nc\nd O\n\ne O\n\nf O\ng \xff O\nh\n\ni O\n".to_vec();
    let read = records("a.conll", &bytes, labelled::words).unwrap();
    assert_eq!(read.len(), 4);
    let expected = "a.conll:2: expected a word and its label, with a tab or a space between";
    assert_eq!(read[0].as_ref().unwrap_err(), expected);
    assert_eq!(read[1].as_ref().unwrap(), &words(&["e"], &["O"]));
    assert_eq!(read[2].as_ref().unwrap_err(), "a.conll:9: invalid UTF-8");
    assert_eq!(read[3].as_ref().unwrap(), &words(&["i"], &["O"]));

    // A damaged file is told of, not the sentence that it breaks off in.
    bytes = b"word O\n".repeat(1000);
    bytes.extend(b"bad\n");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&bytes).unwrap();
    let mut bytes = encoder.finish().unwrap();
    bytes.truncate(bytes.len() - 4);
    let read = records("a.conll.gz", &bytes, labelled::words).unwrap();
    assert_eq!(read.len(), 1);
    assert!(read[0].as_ref().unwrap_err().contains("damaged"));
}

#[test]
fn a_file_without_blank_lines_is_too_long_for_a_sentence() {
    let bytes = [&b"word O\n".repeat(200_000)[..], b"\nlast O\n"].concat();
    let read = records("a.conll", bytes, labelled::words).unwrap();
    assert_eq!(read.len(), 2);
    assert!(
        read[0]
            .as_ref()
            .unwrap_err()
            .ends_with("longer than 1048576 bytes")
    );
    assert!(read[1].is_ok());
}

#[test]
fn words_that_cannot_be_used_are_named() {
    let sentence = json!({ "tokens": ["a"], "tags": ["O"] });
    for (bad, expected) in [
        (
            json!({ "tokens": ["a", "b"], "tags": ["O"] }),
            "1 labels for 2 words",
        ),
        (json!({ "tokens": [], "tags": [] }), "no words"),
        (
            json!({ "tokens": ["a"] }),
            "no labels: none of tags, ner_tags",
        ),
        (
            json!({ "tokens": ["a"], "tags": "O" }),
            "\"tags\" is no list",
        ),
        (
            json!({ "tokens": ["a"], "tags": [null] }),
            "no label: it has no field \"tags\"",
        ),
        (
            json!({ "tokens": ["a"], "tags": [-1] }),
            "no label: \"tags\" is -1",
        ),
        (
            json!({ "tokens": ["a", 1], "tags": ["O", "O"] }),
            "\"tokens\" is no list of strings",
        ),
        (json!({ "tags": ["O"] }), "\"tokens\" is no list of strings"),
    ] {
        let told = complaint(&sentence, &bad, labelled::words);
        assert_eq!(told, format!("a.jsonl:2: {expected}"));
    }
}

const CONTEXT: &str = "Żółw 🐢 Anna lebt in Graz.";

fn question(answers: &[(usize, &str)]) -> AskedQuestion {
    let answer = |&(start, text): &(usize, &str)| Answer {
        start,
        text: text.to_owned(),
    };
    AskedQuestion {
        id: "q1".to_owned(),
        question: "Who?".to_owned(),
        context: CONTEXT.into(),
        answers: answers.iter().map(answer).collect(),
        is_impossible: answers.is_empty(),
    }
}

fn squad(qas: Value) -> String {
    let paragraphs = json!([{ "context": CONTEXT, "qas": qas }]);
    json!({ "version": "x", "data": [{ "title": "T", "paragraphs": paragraphs }] }).to_string()
}

#[test]
fn squad_counts_characters() {
    let qas = json!([
        { "id": "q1", "question": "Who?", "answers": [
            { "answer_start": 7, "text": "Anna" }, { "answer_start": 5, "text": "🐢 Anna" },
        ] },
        { "id": "q1", "question": "Who?", "answers": [], "is_impossible": true,
          "plausible_answers": [{ "answer_start": 20, "text": "Graz" }] },
        { "id": "q1", "question": "Who?", "answers": [{ "answer_start": 20, "text": "Graz" }],
          "is_impossible": false },
    ]);
    let expected = [
        question(&[(7, "Anna"), (5, "🐢 Anna")]),
        question(&[]),
        question(&[(20, "Graz")]),
    ];
    let file = squad(qas);
    assert_eq!(good("a.json", &file, labelled::questions), expected);
    let marked = format!("\u{feff}{file}");
    assert_eq!(good("a.json", marked, labelled::questions), expected);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(file.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    assert_eq!(good("a.json.gz", &gzip, labelled::questions), expected);

    let error = records("a.json.gz", &gzip[..gzip.len() / 2], labelled::questions)
        .err()
        .unwrap();
    assert!(error.contains("damaged"), "{error}");
    for (wrong, expected) in [
        (
            "{\"data\": [\n{}]}",
            "a.json:2: invalid JSON: missing field `paragraphs`",
        ),
        (
            "{\"context\": \"\"}",
            "a.json:1: invalid JSON: missing field `data`",
        ),
        (
            "{\"data\": []}\nmore",
            "a.json:2: invalid JSON: trailing characters",
        ),
    ] {
        let error = records("a.json", wrong, labelled::questions).err().unwrap();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn flattened_questions_are_records() {
    let lines = [
        json!({ "id": "q1", "title": "T", "context": CONTEXT, "question": "Who?",
                "answers": { "text": ["Anna", "🐢"], "answer_start": [7, 5] } }),
        json!({ "id": "q1", "context": CONTEXT, "question": "Who?",
                "answers": { "text": [], "answer_start": [] } }),
    ];
    let lines = lines.map(|line| line.to_string()).join("\n");
    let expected = [question(&[(7, "Anna"), (5, "🐢")]), question(&[])];
    assert_eq!(good("a.jsonl", lines, labelled::questions), expected);
}

#[test]
fn questions_that_cannot_be_used_are_named() {
    for (answers, impossible, expected) in [
        (
            json!([[8, "Anna"]]),
            Value::Null,
            "the context has no \"Anna\" at character 8",
        ),
        (
            json!([[-1, "Anna"]]),
            Value::Null,
            "the context has no \"Anna\" at character -1",
        ),
        (
            json!([[99, "Anna"]]),
            Value::Null,
            "the context has no \"Anna\" at character 99",
        ),
        (json!([[7, ""]]), Value::Null, "an answer is empty"),
        (
            json!([[7, "Anna"]]),
            json!(true),
            "impossible, but answered",
        ),
        (json!([]), json!(false), "no answer"),
    ] {
        let pairs = answers.as_array().unwrap();
        let given = pairs
            .iter()
            .map(|pair| json!({ "answer_start": pair[0], "text": pair[1] }));
        let given: Vec<Value> = given.collect();
        let entry = json!({ "id": "q7", "question": "Who?", "answers": given, "is_impossible": impossible });
        let read = records("a.json", squad(json!([entry])), labelled::questions).unwrap();
        assert_eq!(read, [Err(format!("a.json: question q7: {expected}"))]);

        let column = |place: usize| {
            pairs
                .iter()
                .map(|pair| pair[place].clone())
                .collect::<Vec<_>>()
        };
        let flat = json!({ "id": "q7", "question": "Who?", "context": CONTEXT, "is_impossible": impossible,
                           "answers": { "text": column(1), "answer_start": column(0) } });
        let read = records("a.jsonl", flat.to_string(), labelled::questions).unwrap();
        assert_eq!(read, [Err(format!("a.jsonl:1: question q7: {expected}"))]);
    }
    let unanswered = squad(json!([{ "id": 5, "question": "Who?" }]));
    let read = records("a.json", unanswered, labelled::questions).unwrap();
    assert_eq!(read, [Err("a.json: question 5: no \"answers\"".to_owned())]);
    for (bad, expected) in [
        (json!({ "question": "Who?", "context": "A" }), "no \"id\""),
        (
            json!({ "id": 5, "question": "Who?", "context": "A" }),
            "question 5: no list \"text\" in \"answers\"",
        ),
        (
            json!({ "id": 5, "question": "?", "context": "A", "answers": { "text": ["A"], "answer_start": [] } }),
            "question 5: 1 texts and 0 places of answers",
        ),
        (
            json!({ "id": 5, "question": "?", "context": "A", "answers": { "text": [1], "answer_start": [0] } }),
            "question 5: an answer is no text with its place",
        ),
        (
            json!({ "id": 5, "question": " ", "context": "A", "answers": { "text": [], "answer_start": [] } }),
            "question 5: \"question\" is empty",
        ),
    ] {
        let read = records("a.jsonl", bad.to_string(), labelled::questions).unwrap();
        assert_eq!(read, [Err(format!("a.jsonl:1: {expected}"))]);
    }
}

#[test]
fn choices_are_a_list_or_two_fields() {
    let expected = Choices {
        context: "It rains.".to_owned(),
        choices: vec!["A.".to_owned(), "B.".to_owned()],
        label: 1,
    };
    for record in [
        json!({ "context": "It rains.", "choices": ["A.", "B."], "label": 1 }),
        json!({ "ctx": "It rains.", "endings": ["A.", "B."], "label": "1" }),
        json!({ "premise": "It rains.", "choice1": "A.", "choice2": "B.", "question": "cause", "label": 1 }),
    ] {
        let read = good("a.jsonl", record.to_string(), labelled::choices);
        assert_eq!(read, [expected.clone()], "{record}");
    }
    let csv = "label,choice2,choice1,premise\n1,B.,A.,It rains.\n";
    assert_eq!(good("a.csv", csv, labelled::choices), [expected]);
}

#[test]
fn choices_that_cannot_be_used_are_named() {
    let record = json!({ "context": "A", "choices": ["B", "C"], "label": 0 });
    for (bad, expected) in [
        (
            json!({ "context": "A", "choices": ["B", "C"], "label": 2 }),
            "\"label\" is 2, expected a number from 0 to 1",
        ),
        (
            json!({ "context": "A", "choices": ["B", "C"], "label": "x" }),
            "\"label\" is \"x\", expected a number from 0 to 1",
        ),
        (
            json!({ "context": "A", "choices": ["B", "C"], "label": -1 }),
            "no label: \"label\" is -1",
        ),
        (
            json!({ "context": "A", "choices": ["B", "C"] }),
            "no label: it has no field \"label\"",
        ),
        (
            json!({ "context": "A", "choices": ["B"], "label": 0 }),
            "1 choices, at least 2 are needed",
        ),
        (
            json!({ "context": "A", "choices": "B", "label": 0 }),
            "\"choices\" is no list of strings",
        ),
        (
            json!({ "context": "A", "choice1": "B", "label": 0 }),
            "no string field \"choice2\"",
        ),
        (
            json!({ "choices": ["B", "C"], "label": 0 }),
            "none of context, premise, sentence, ctx",
        ),
    ] {
        let told = complaint(&record, &bad, labelled::choices);
        assert_eq!(told, format!("a.jsonl:2: {expected}"));
    }
}

proptest! {
    #[test]
    fn written_sentences_come_back(
        sentences in prop::collection::vec(prop::collection::vec(("[a-zé#-]{1,5}", "[BIO-]{1,3}"), 1..5), 0..6),
        separator in prop::sample::select(vec!["\t", " ", "  ", "\tNN\t"]),
    ) {
        let line = |(word, label): &(String, String)| format!("{word}{separator}{label}\n");
        let written = |sentence: &Vec<_>| sentence.iter().map(line).collect::<String>() + "\n";
        let file: String = sentences.iter().map(written).collect();
        let expected: Vec<_> = sentences
            .into_iter()
            .map(|sentence| {
                let (words, labels) = sentence.into_iter().unzip();
                LabelledWords { words, labels }
            })
            .collect();
        prop_assert_eq!(good("a.conll", file, labelled::words), expected);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), json in "[\\[\\]{}:,\"a-z0-9 \n\t]{0,100}") {
        for bytes in [bytes.as_slice(), json.as_bytes()] {
            for name in ["a.jsonl", "a.json", "a.csv", "a.conll", "a.json.gz"] {
                let _ = records(name, bytes, texts);
                let _ = records(name, bytes, labelled::words);
                let _ = records(name, bytes, labelled::questions);
                let _ = records(name, bytes, labelled::choices);
            }
        }
    }
}
