mod answers;
mod classification;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn pairs(task: TextTask, record: Value) -> Result<Vec<TextPair>, DataError> {
    task.pairs(record.as_object().unwrap())
}

#[track_caller]
fn check(task: TextTask, record: Value, expected: &[(&str, &str)]) {
    let pairs = pairs(task, record).unwrap();
    let texts: Vec<_> = pairs
        .iter()
        .map(|pair| (pair.input.as_str(), pair.target.as_str()))
        .collect();
    assert_eq!(texts, expected);
    assert!(pairs.iter().all(|pair| pair.task == task.to_string()));
}

#[test]
fn a_missing_field_is_an_error_that_names_task_and_field() {
    for (task, record, field) in [
        (
            "qnli",
            json!({ "question": "Who?", "label": 0 }),
            "sentence",
        ),
        ("cola", json!({ "sentence": "So." }), "label"),
        (
            "stsb",
            json!({ "sentence1": "So.", "sentence2": null }),
            "sentence2",
        ),
        ("record", json!({ "query": "q" }), "entities"),
        ("wsc", json!({ "text": "t" }), "span2_text"),
        ("dpr", json!({ "sentence": "s" }), "pronoun"),
        (
            "squad",
            json!({ "question": "q", "context": "c" }),
            "answers",
        ),
        ("cnn_dailymail", json!({ "article": "a" }), "highlights"),
        ("translation_en_de", json!({ "en": "a" }), "de"),
    ] {
        let error = pairs(task.parse().unwrap(), record).unwrap_err();
        let names_both = matches!(
            &error,
            DataError::MissingField { task: named, field: missing }
                if named == task && *missing == field
        );
        assert!(names_both, "{error}");
    }
    let record = json!({ "sentence": 5, "label": 0 });
    assert!(matches!(
        pairs(TextTask::Cola, record),
        Err(DataError::InvalidField {
            field: "sentence",
            ..
        })
    ));
}

#[test]
fn names_are_read_as_they_are_written() {
    let names = [
        "cola",
        "sst2",
        "mrpc",
        "stsb",
        "qqp",
        "mnli",
        "qnli",
        "rte",
        "boolq",
        "cb",
        "copa",
        "multirc",
        "record",
        "wic",
        "super_glue_rte",
        "wsc",
        "dpr",
        "wnli",
        "squad",
        "cnn_dailymail",
        "translation_en_de",
        "translation_fr_ro",
    ];
    for name in names {
        let task: TextTask = name.parse().unwrap();
        assert_eq!(task.to_string(), name);
        // Every task reads something of its record.
        assert!(task.pairs(&Map::new()).is_err(), "{name}");
    }
    for name in ["", "Cola", "translation_en_en", "translation_en_xx"] {
        let error = name.parse::<TextTask>().unwrap_err().to_string();
        assert!(error.contains("cola, sst2"), "{error}");
    }
}

proptest! {
    #[test]
    fn any_record_gives_pairs_or_an_error(
        values in prop::collection::vec(prop_oneof![
            any::<String>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::collection::vec(".{0,4}", 0..3).prop_map(Value::from),
        ], 6),
        task in prop::sample::select(vec!["wsc", "dpr", "wnli", "squad", "record", "stsb", "multirc"]),
    ) {
        let names: &[&'static str] = match task {
            "wsc" => &["text", "span1_text", "span2_text", "span2_index", "label"],
            "dpr" => &["sentence", "pronoun", "candidates", "label"],
            "squad" => &["question", "context", "answers"],
            "record" => &["query", "entities", "passage", "answers"],
            "stsb" | "wnli" => &["sentence1", "sentence2", "label"],
            _ => &["question", "answer", "paragraph", "label"],
        };
        let record: Map<String, Value> = names
            .iter()
            .map(|&name| name.to_owned())
            .zip(values)
            .collect();
        let task: TextTask = task.parse().unwrap();
        if let Ok(pairs) = task.pairs(&record) {
            prop_assert!(pairs.iter().all(|pair| !pair.input.is_empty()));
        }
    }
}
