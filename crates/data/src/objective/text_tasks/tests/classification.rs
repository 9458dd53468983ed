//! Tasks with labels.

use super::*;

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
