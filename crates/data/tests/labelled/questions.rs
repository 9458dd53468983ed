//! Questions with their answers.

use crate::{good, gzip, records};
use lamplight_data::source::labelled::{self, Answer, AskedQuestion};
use serde_json::{Value, json};

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
    let gzipped = gzip(file.as_bytes());
    assert_eq!(good("a.json.gz", &gzipped, labelled::questions), expected);

    let error = records(
        "a.json.gz",
        &gzipped[..gzipped.len() / 2],
        labelled::questions,
    )
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
