use std::path::Path;

use lamplight_pipelines::{Classifier, Label};
use lamplight_testing::test_device;
use serde_json::{Value, json};

use crate::case::{assert_near, changed, expected, folder, list, odd_texts, texts, tolerance};

const CASES: [&str; 4] = ["classify", "rate", "topics", "t5_classify"];

fn classifier(folder: &Path) -> Classifier {
    Classifier::from_pretrained(folder, &test_device()).unwrap()
}

fn assert_same(found: &[Vec<Label>], wanted: &Value, what: &str) {
    assert_eq!(found.len(), list(wanted).len(), "{what}");
    for (found, wanted) in found.iter().zip(list(wanted)) {
        assert_eq!(found.len(), list(wanted).len(), "{what}");
        for (found, wanted) in found.iter().zip(list(wanted)) {
            assert_eq!(found.label, wanted["label"], "{what}");
            assert_near(found.score, &wanted["score"], what);
        }
    }
}

#[test]
fn classes_and_numbers_are_those_of_transformers() {
    for name in CASES {
        let expected = expected(name);
        let classifier = classifier(&folder(name));
        let answers = classifier.classify(&texts(&expected)).unwrap();
        assert_same(&answers, &expected["answers"], name);
        let pairs: Vec<(String, String)> =
            serde_json::from_value(expected["pairs"].clone()).unwrap();
        let answers = classifier.classify_pairs(&pairs).unwrap();
        assert_same(&answers, &expected["pair_answers"], name);
    }
}

#[test]
fn top_k_keeps_the_best() {
    let classifier = classifier(&folder("classify"));
    let all = classifier.classify(&["the cat"]).unwrap().remove(0);
    let best = classifier
        .top_k(2)
        .classify(&["the cat"])
        .unwrap()
        .remove(0);
    assert_eq!(best, all[..2]);
}

#[test]
fn one_label_is_a_number_also_without_a_problem_type() {
    let copy = changed("rate", |config| config["problem_type"] = Value::Null);
    let text = ["a good book"];
    let found = classifier(copy.path()).classify(&text).unwrap();
    assert_eq!(found, classifier(&folder("rate")).classify(&text).unwrap());
}

#[test]
fn labels_without_names_are_numbered() {
    let copy = changed("classify", |config| {
        config["id2label"] = Value::Null;
        config["num_labels"] = json!(3);
    });
    let named = classifier(&folder("classify"))
        .classify(&["the cat"])
        .unwrap();
    let numbered = classifier(copy.path()).classify(&["the cat"]).unwrap();
    let labels = ["bad", "neutral", "good"];
    for (named, numbered) in named[0].iter().zip(&numbered[0]) {
        let id = labels
            .iter()
            .position(|label| *label == named.label)
            .unwrap();
        assert_eq!(numbered.label, format!("LABEL_{id}"));
    }
}

#[test]
fn odd_texts_and_pairs_have_classes_that_do_not_depend_on_the_batch() {
    for name in CASES {
        let classifier = classifier(&folder(name));
        let texts = odd_texts();
        let pairs: Vec<_> = texts.iter().zip(texts.iter().rev()).collect();
        let (together, paired) = (
            classifier.classify(&texts).unwrap(),
            classifier.classify_pairs(&pairs).unwrap(),
        );
        for (index, text) in texts.iter().enumerate() {
            let alone = classifier.classify(&[text]).unwrap().remove(0);
            let pair = classifier.classify_pairs(&pairs[index..=index]).unwrap();
            let alone = alone.iter().chain(&pair[0]);
            let together = together[index].iter().chain(&paired[index]);
            for (alone, together) in alone.zip(together) {
                assert_eq!(alone.label, together.label, "{name}: {text:?}");
                assert!(
                    (alone.score - together.score).abs() < tolerance(),
                    "{name}: {text:?}"
                );
            }
        }
    }
}
