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

/// Every integer label of a task, and the name of it as a label.
#[track_caller]
fn check_labels(task: TextTask, mut record: Value, input: &str, names: &[&str]) {
    for (index, &name) in names.iter().enumerate() {
        for label in [json!(index), json!(index.to_string()), json!(name)] {
            record["label"] = label;
            check(task, record.clone(), &[(input, name)]);
        }
    }
    record["label"] = json!(-1);
    check(task, record.clone(), &[(input, "<unk>")]);
    record["label"] = json!(names.len());
    let error = pairs(task, record).unwrap_err().to_string();
    assert!(
        error.contains(&task.to_string()) && error.contains(names[0]),
        "{error}"
    );
}

#[test]
fn single_sentences_stand_behind_the_name_of_the_task() {
    let record = json!({ "sentence": "The lamp is lit.", "idx": 7 });
    check_labels(
        TextTask::Cola,
        record.clone(),
        "cola sentence: The lamp is lit.",
        &["unacceptable", "acceptable"],
    );
    check_labels(
        TextTask::Sst2,
        record,
        "sst2 sentence: The lamp is lit.",
        &["negative", "positive"],
    );
}

#[test]
fn pairs_of_sentences_are_named_and_numbered() {
    let record = json!({ "sentence1": "A b.", "sentence2": "C d." });
    check_labels(
        TextTask::Mrpc,
        record.clone(),
        "mrpc sentence1: A b. sentence2: C d.",
        &["not_equivalent", "equivalent"],
    );
    check_labels(
        TextTask::Rte,
        record,
        "rte sentence1: A b. sentence2: C d.",
        &["entailment", "not_entailment"],
    );
    check_labels(
        TextTask::Qqp,
        json!({ "question1": "A?", "question2": "B?" }),
        "qqp question1: A? question2: B?",
        &["not_duplicate", "duplicate"],
    );
    check_labels(
        TextTask::Qnli,
        json!({ "question": "Who?", "sentence": "She." }),
        "qnli question: Who? sentence: She.",
        &["entailment", "not_entailment"],
    );
}

#[test]
fn hypotheses_stand_before_premises() {
    let record = json!({ "premise": "It burns.", "hypothesis": "It is lit." });
    check_labels(
        TextTask::Mnli,
        record.clone(),
        "mnli hypothesis: It is lit. premise: It burns.",
        &["entailment", "neutral", "contradiction"],
    );
    check_labels(
        TextTask::Cb,
        record.clone(),
        "cb hypothesis: It is lit. premise: It burns.",
        &["entailment", "contradiction", "neutral"],
    );
    check_labels(
        TextTask::SuperGlueRte,
        record,
        "rte hypothesis: It is lit. premise: It burns.",
        &["entailment", "not_entailment"],
    );
}

#[test]
fn similarities_are_rounded_to_the_nearest_fifth() {
    for (label, expected) in [
        (json!(3.75), "3.8"),
        (json!("1.8"), "1.8"),
        (json!(0), "0.0"),
        (json!(5), "5.0"),
        (json!(2.917), "3.0"),
        (json!(0.5), "0.4"),
        (json!(1.5), "1.6"),
        (json!(-1), "<unk>"),
    ] {
        check(
            TextTask::Stsb,
            json!({ "sentence1": "A.", "sentence2": "B.", "label": label }),
            &[("stsb sentence1: A. sentence2: B.", expected)],
        );
    }
    let record = json!({ "sentence1": "A.", "sentence2": "B.", "label": 5.1 });
    assert!(pairs(TextTask::Stsb, record).is_err());
}

#[test]
fn fields_of_superglue_stand_in_the_order_of_the_released_models() {
    check_labels(
        TextTask::BoolQ,
        json!({ "question": "is it lit", "passage": "It burns." }),
        "boolq passage: It burns. question: is it lit",
        &["False", "True"],
    );
    check_labels(
        TextTask::Copa,
        json!({ "premise": "It got dark.", "choice1": "A.", "choice2": "B.", "question": "cause" }),
        "copa choice1: A. choice2: B. premise: It got dark. question: cause",
        &["choice1", "choice2"],
    );
    check_labels(
        TextTask::Wic,
        json!({ "word": "light", "sentence1": "A light.", "sentence2": "So light.", "start1": 2 }),
        "wic sentence1: A light. sentence2: So light. word: light",
        &["False", "True"],
    );
    check_labels(
        TextTask::MultiRc,
        json!({
            "paragraph": "<b>Sent 1: </b>It burns.<br><b>Sent 2: </b>It is lit.<br>",
            "question": "Is it?",
            "answer": "<b>Yes</b>",
        }),
        "multirc question: Is it? answer: Yes paragraph: Sent 1: It burns. Sent 2: It is lit. ",
        &["False", "True"],
    );
}

#[test]
fn truth_values_are_labels_too() {
    let record = json!({ "question": "q", "passage": "p", "label": true });
    check(
        TextTask::BoolQ,
        record,
        &[("boolq passage: p question: q", "True")],
    );
}

#[test]
fn record_gives_one_example_per_answer() {
    let mut record = json!({
        "passage": "It burns\n@highlight\nAnn lit it.\n@highlight\nBo left",
        "query": "@placeholder lit it.",
        "entities": ["Ann", "Bo"],
        "answers": ["Ann", "Bo"],
    });
    let input = "record query: @placeholder lit it. entities: Ann, Bo \
                 passage: It burns. Ann lit it. Bo left";
    check(
        TextTask::Record,
        record.clone(),
        &[(input, "Ann"), (input, "Bo")],
    );
    record["answers"] = json!([]);
    check(TextTask::Record, record, &[(input, "<unk>")]);
}

#[test]
fn pronouns_stand_between_asterisks() {
    let mut record = json!({
        "text": "Mia asked Ann if she could stay .",
        "span1_text": "Ann", "span2_text": "she", "span2_index": 4, "label": 1,
    });
    let input = "wsc: Mia asked Ann if *she* could stay .";
    check(TextTask::Wsc, record.clone(), &[(input, "Ann")]);
    record["label"] = json!(0);
    check(TextTask::Wsc, record.clone(), &[]);
    record["label"] = json!(-1);
    check(TextTask::Wsc, record.clone(), &[(input, "<unk>")]);
    record["span2_index"] = json!(5);
    let error = pairs(TextTask::Wsc, record).unwrap_err().to_string();
    assert!(
        error.contains("span2_index = 5") && error.contains("\"she\""),
        "{error}"
    );
}

#[test]
fn a_pronoun_is_found_behind_its_index_and_in_front_of_punctuation() {
    let record = json!({
        "text": "Tom called Bo . \"Good for him,\" said Ann .",
        "span1_text": "Bo", "span2_text": "him", "span2_index": 5, "label": true,
    });
    check(
        TextTask::Wsc,
        record,
        &[("wsc: Tom called Bo . \"Good for *him* ,\" said Ann .", "Bo")],
    );
}

#[test]
fn definite_pronouns_take_the_form_of_wsc() {
    let mut record = json!({
        "sentence": "The helpers met her, and the cat saw he. Then he left.",
        "pronoun": "he", "candidates": ["The cat", "The helper"], "label": 1,
    });
    check(
        TextTask::Dpr,
        record.clone(),
        &[(
            "wsc: The helpers met her, and the cat saw *he*. Then he left.",
            "The helper",
        )],
    );
    record["label"] = json!(2);
    assert!(pairs(TextTask::Dpr, record).is_err());
}

#[test]
fn the_pronoun_of_wnli_is_where_the_hypothesis_differs() {
    for (premise, hypothesis, input, referent) in [
        (
            "The lamp burned the moth. It was hot.",
            "The lamp was hot.",
            "wsc: The lamp burned the moth. *It* was hot.",
            "The lamp",
        ),
        (
            "Ann lent Mia a coat since she was cold, and left.",
            "Mia was cold, and left.",
            "wsc: Ann lent Mia a coat since *she* was cold, and left.",
            "Mia",
        ),
        (
            "The box fell on Tom and the chair broke it.",
            "The chair broke the old box.",
            "wsc: The box fell on Tom and the chair broke *it* .",
            "the old box",
        ),
        (
            "Tom told Bo that his lamp was lit, but she saw it first.",
            "Bo's lamp was lit",
            "wsc: Tom told Bo that *his* lamp was lit, but she saw it first.",
            "Bo",
        ),
    ] {
        let mut record = json!({ "sentence1": premise, "sentence2": hypothesis, "label": 1 });
        check(TextTask::Wnli, record.clone(), &[(input, referent)]);
        record["label"] = json!(0);
        check(TextTask::Wnli, record.clone(), &[]);
        record["label"] = json!(-1);
        check(TextTask::Wnli, record, &[(input, "<unk>")]);
    }
    for (premise, hypothesis, field) in [
        ("No such word.", "The word.", "sentence1"),
        ("He is.", "Other words.", "sentence2"),
    ] {
        let record = json!({ "sentence1": premise, "sentence2": hypothesis, "label": 1 });
        let error = pairs(TextTask::Wnli, record).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn squad_has_spaces_round_punctuation() {
    let expected = (
        "question: Who lit it ? context: Ann ' s lamp ( no_1 ) : \u{e9} 3 . 5 . ",
        " $ 5 , 000 ",
    );
    let text = "$5,000\n";
    for answers in [
        json!({ "text": [text, "other"], "answer_start": [1, 2] }),
        json!([{ "text": text, "answer_start": 1 }]),
        json!([text]),
    ] {
        let record = json!({
            "question": "Who lit  it?",
            "context": "Ann's lamp (no_1):\u{e9}\t3.5.",
            "answers": answers,
        });
        check(TextTask::Squad, record, &[expected]);
    }
    let record = json!({ "question": "q", "context": "c", "answers": { "text": [] } });
    assert!(pairs(TextTask::Squad, record).is_err());
}

#[test]
fn articles_are_summarized_and_sentences_translated() {
    check(
        TextTask::CnnDailyMail,
        json!({ "article": "Long.", "highlights": "Short ." }),
        &[("summarize: Long.", "Short .")],
    );
    let record = json!({ "de": "Ein Haus.", "en": "A house." });
    let to_german = TextTask::Translation {
        from: Language::English,
        to: Language::German,
    };
    let expected = [("translate English to German: A house.", "Ein Haus.")];
    check(to_german, record.clone(), &expected);
    check(to_german, json!({ "translation": record }), &expected);
    let to_french = TextTask::Translation {
        from: Language::Romanian,
        to: Language::French,
    };
    check(
        to_french,
        json!({ "ro": "O cas\u{103}.", "fr": "Une maison." }),
        &[("translate Romanian to French: O cas\u{103}.", "Une maison.")],
    );
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
        assert_eq!(name.parse::<TextTask>().unwrap().to_string(), name);
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
