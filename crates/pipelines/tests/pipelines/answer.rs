use lamplight_pipelines::{AnswerSettings, Answerer, PipelineError};
use lamplight_testing::test_device;
use serde_json::Value;

use crate::case::{assert_near, expected, folder, list, odd_texts, tolerance};

fn answerer(settings: AnswerSettings) -> Answerer {
    let answerer = Answerer::from_pretrained(&folder("answer"), &test_device()).unwrap();
    answerer.with_settings(settings).unwrap()
}

fn questions(expected: &Value) -> Vec<(String, String)> {
    serde_json::from_value(expected["questions"].clone()).unwrap()
}

#[test]
fn answers_are_those_of_transformers() {
    let expected = expected("answer");
    let questions = questions(&expected);
    for (key, allows_no_answer) in [("answers", false), ("with_null", true)] {
        let answerer = answerer(AnswerSettings {
            top_k: 4,
            max_length: 64,
            overlap: 16,
            allows_no_answer,
            ..AnswerSettings::default()
        });
        let answers = answerer.answer(&questions).unwrap();
        assert_eq!(answers.len(), list(&expected[key]).len());
        for (((question, _), answers), wanted) in
            questions.iter().zip(&answers).zip(list(&expected[key]))
        {
            // Where there are too few answers, spans from `[CLS]` on fill up the list there.
            let wanted = list(wanted).iter();
            let wanted: Vec<_> = wanted.filter(|answer| answer["score"] != 0.0).collect();
            assert_eq!(answers.len(), wanted.len(), "{question}");
            for (answer, wanted) in answers.iter().zip(wanted) {
                assert_eq!(answer.text, wanted["answer"], "{question}");
                assert_eq!(answer.characters.start, wanted["start"], "{question}");
                assert_eq!(answer.characters.end, wanted["end"], "{question}");
                assert_near(answer.score, &wanted["score"], question);
            }
        }
    }
}

#[test]
fn that_there_is_no_answer_is_as_likely_as_the_most_certain_window_has_it() {
    let expected = expected("answer");
    let answerer = answerer(AnswerSettings {
        top_k: 1000,
        max_length: 64,
        overlap: 16,
        allows_no_answer: true,
        ..AnswerSettings::default()
    });
    let answers = answerer.answer(&questions(&expected)).unwrap();
    for (answers, wanted) in answers.iter().zip(list(&expected["null_scores"])) {
        let nulls: Vec<_> = answers
            .iter()
            .filter(|answer| answer.text.is_empty())
            .collect();
        assert_eq!(nulls.len(), 1);
        assert_near(nulls[0].score, wanted, "no answer");
    }
}

#[test]
fn odd_questions_and_contexts_have_answers_that_do_not_depend_on_the_batch() {
    let answerer = answerer(AnswerSettings {
        top_k: 3,
        allows_no_answer: true,
        ..AnswerSettings::default()
    });
    let texts = odd_texts();
    let questions: Vec<_> = texts.iter().zip(texts.iter().rev()).collect();
    let together = answerer.answer(&questions).unwrap();
    for (question, together) in questions.iter().zip(&together) {
        let alone = answerer.answer(&[*question]).unwrap().remove(0);
        assert_eq!(alone.len(), together.len());
        let context: Vec<_> = question.1.chars().collect();
        for (alone, together) in alone.iter().zip(together) {
            assert!((alone.score - together.score).abs() < tolerance());
            let shown = String::from_iter(&context[alone.characters.clone()]);
            assert_eq!(alone.text, shown);
        }
    }
}

#[test]
fn a_context_without_tokens_has_no_answer() {
    let question = [("who?", " ")];
    let default = AnswerSettings::default();
    assert!(answerer(default.clone()).answer(&question).unwrap()[0].is_empty());
    let allows_no_answer = true;
    let settings = AnswerSettings {
        allows_no_answer,
        ..default
    };
    let answers = answerer(settings).answer(&question).unwrap();
    assert_eq!(
        (answers[0][0].text.as_str(), answers[0][0].score),
        ("", 1.0)
    );
}

#[test]
fn settings_without_answers_are_refused() {
    for settings in [
        AnswerSettings {
            top_k: 0,
            ..AnswerSettings::default()
        },
        AnswerSettings {
            max_answer_length: 0,
            ..AnswerSettings::default()
        },
    ] {
        let answerer = Answerer::from_pretrained(&folder("answer"), &test_device()).unwrap();
        let error = answerer.with_settings(settings).unwrap_err();
        assert!(
            matches!(error, PipelineError::InvalidSetting { .. }),
            "{error}"
        );
    }
    let max_length = 4;
    let settings = AnswerSettings {
        max_length,
        ..AnswerSettings::default()
    };
    assert!(
        answerer(settings)
            .answer(&[("who is it?", "Anna")])
            .is_err()
    );
}
