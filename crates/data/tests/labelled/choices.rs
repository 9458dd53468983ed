//! Choices, one of which is right.

use crate::{complaint, good};
use lamplight_data::source::labelled::{self, Choices};
use serde_json::json;

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
        assert_eq!(read, std::slice::from_ref(&expected), "{record}");
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
            "no label: \"label\" is missing or null",
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
