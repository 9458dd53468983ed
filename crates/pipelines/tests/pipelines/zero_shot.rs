use lamplight_pipelines::{PipelineError, ZeroShotClassifier};
use lamplight_testing::test_device;

use crate::case::{assert_near, expected, folder, list, odd_texts, tolerance};

fn classifier() -> ZeroShotClassifier {
    ZeroShotClassifier::from_pretrained(&folder("t5"), &test_device()).unwrap()
}

#[test]
fn scores_are_the_shares_of_the_likelihoods_that_transformers_gives() {
    let expected = &expected("t5")["zero_shot"];
    let text = |key: &str| expected[key].as_str().unwrap().to_owned();
    let strings = |key: &str| serde_json::from_value::<Vec<String>>(expected[key].clone()).unwrap();
    let classifier = classifier().with_prompt(&text("prompt")).unwrap();
    let (texts, labels) = (strings("texts"), strings("labels"));
    let answers = classifier.classify(&texts, &labels).unwrap();
    assert_eq!(answers.len(), list(&expected["scores"]).len());
    for (answer, scores) in answers.iter().zip(list(&expected["scores"])) {
        assert_eq!(answer.len(), labels.len());
        assert!(answer.is_sorted_by(|one, next| one.score >= next.score));
        for found in answer {
            let number = labels
                .iter()
                .position(|label| *label == found.label)
                .unwrap();
            assert_near(found.score, &scores[number], &found.label);
        }
    }
}

#[test]
fn odd_texts_and_labels_have_scores_that_do_not_depend_on_the_batch() {
    let (texts, labels) = (odd_texts(), ["", "  ", "river", "🙂 שלום"]);
    let together = classifier().classify(&texts, &labels).unwrap();
    for (text, together) in texts.iter().zip(&together) {
        let alone = classifier().classify(&[text], &labels).unwrap().remove(0);
        let total: f32 = alone.iter().map(|label| label.score).sum();
        assert!((total - 1.0).abs() < tolerance(), "{text:?}");
        for label in &alone {
            let same = together
                .iter()
                .find(|other| other.label == label.label)
                .unwrap();
            assert!((same.score - label.score).abs() < tolerance(), "{text:?}");
        }
    }
}

#[test]
fn without_labels_there_are_no_scores() {
    let answers = classifier().classify::<_, &str>(&["text"], &[]).unwrap();
    assert!(answers[0].is_empty());
}

#[test]
fn a_label_longer_than_the_model_reads_and_a_prompt_without_a_place_are_refused() {
    let long = "river ".repeat(600);
    let error = classifier()
        .classify(&["text"], &["river", &long])
        .unwrap_err();
    assert!(
        matches!(error, PipelineError::TooLong { text: 1, .. }),
        "{error}"
    );
    let error = classifier().with_prompt("no place").unwrap_err();
    assert!(
        error.to_string().contains("`prompt` is no place"),
        "{error}"
    );
}
