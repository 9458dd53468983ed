use burn::tensor::{Int, Tensor};
use lamplight_data::tokenizer::Tokenizer;
use lamplight_electra::{ElectraForJointQuestionAnswering, ElectraInput, ElectraModel};
use lamplight_pipelines::{AnswerSettings, Answerer, NoAnswer, PipelineError};
use lamplight_testing::test_device;
use serde_json::Value;
use tempfile::TempDir;

use crate::case::{assert_near, changed, expected, folder, list, odd_texts, tolerance};

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
    for (key, no_answer) in [
        ("answers", NoAnswer::Never),
        ("with_null", NoAnswer::Ranked),
    ] {
        let answerer = answerer(AnswerSettings {
            top_k: 4,
            max_length: 64,
            overlap: 16,
            no_answer,
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
        no_answer: NoAnswer::Ranked,
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
        no_answer: NoAnswer::Ranked,
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
    let settings = AnswerSettings {
        no_answer: NoAnswer::Ranked,
        ..default
    };
    let answers = answerer(settings).answer(&question).unwrap();
    assert_eq!(
        (answers[0][0].text.as_str(), answers[0][0].score),
        ("", 1.0)
    );
}

/// The weights of the case below a fresh head of ELECTRA's authors.
fn joint(has_classifier: bool) -> (TempDir, ElectraForJointQuestionAnswering) {
    let copy = changed("answer", |config| {
        config["answerable_classifier"] = has_classifier.into();
    });
    let device = test_device();
    let electra = ElectraModel::from_pretrained(copy.path(), &device).unwrap();
    let model = ElectraForJointQuestionAnswering::from_backbone(electra, &device);
    model.save_pretrained(copy.path()).unwrap();
    (copy, model)
}

#[test]
fn joint_head_answers_by_its_folder_in_any_batch() {
    let (folder, _) = joint(true);
    let settings = AnswerSettings {
        top_k: 3,
        max_length: 64,
        overlap: 16,
        no_answer: NoAnswer::Ranked,
        ..AnswerSettings::default()
    };
    let answerer = Answerer::from_pretrained(folder.path(), &test_device()).unwrap();
    let answerer = answerer.with_settings(settings).unwrap();
    let mut questions = questions(&expected("answer"));
    questions.extend(
        odd_texts()
            .into_iter()
            .map(|text| ("who?".to_owned(), text)),
    );
    let together = answerer.answer(&questions).unwrap();
    assert!(together.iter().all(|answers| !answers.is_empty()));
    for (question, together) in questions.iter().zip(&together) {
        let alone = answerer.answer(std::slice::from_ref(question)).unwrap();
        let context: Vec<_> = question.1.chars().collect();
        assert_eq!(alone[0].len(), together.len());
        for (alone, together) in alone[0].iter().zip(together) {
            let difference = (alone.score - together.score).abs();
            assert!(difference < 1e-4 * (1.0 + together.score));
            let shown = String::from_iter(&context[together.characters.clone()]);
            assert_eq!(together.text, shown);
        }
    }
}

#[test]
fn joint_head_says_that_there_is_no_answer_above_the_threshold() {
    for has_classifier in [true, false] {
        let (folder, model) = joint(has_classifier);
        let answerer = Answerer::from_pretrained(folder.path(), &test_device()).unwrap();
        let question = [("Where lives Anna?", "Anna lives in Berlin.")];
        let tokenizer = Tokenizer::from_folder(folder.path()).unwrap();
        let row = tokenizer
            .encode_pair(question[0].0, question[0].1, 64)
            .unwrap();
        let device = test_device();
        let of_row = |ids: &[u32]| {
            let ids: Vec<i64> = ids.iter().map(|&id| id.into()).collect();
            Tensor::<1, Int>::from_ints(ids.as_slice(), &device).unsqueeze::<2>()
        };
        let input_ids = of_row(&row.ids);
        let beam = model.answers(ElectraInput {
            padding_mask: input_ids.zeros_like().equal_scalar(1),
            input_ids,
            token_type_ids: Some(of_row(&row.token_type_ids)),
        });
        let found = beam.rows().unwrap().remove(0);
        let last = row.ids.len() - 1;
        let context = row
            .token_type_ids
            .iter()
            .position(|&kind| kind == 1)
            .unwrap();
        let spans = found.spans.iter();
        let spans = spans.filter(|span| context <= span.first && span.last < last);
        let best = spans
            .map(|span| span.log_prob)
            .fold(f32::NEG_INFINITY, f32::max);
        let margin = found.impossible.unwrap_or(found.no_start_log_prob - best);
        assert_eq!(found.impossible.is_some(), has_classifier);
        for (threshold, is_answered) in [(margin - 1e-3, false), (margin + 1e-3, true)] {
            let answerer = answerer.clone().with_settings(AnswerSettings {
                no_answer: NoAnswer::Above(threshold),
                ..AnswerSettings::default()
            });
            let answers = answerer.unwrap().answer(&question).unwrap().remove(0);
            assert_eq!(!answers[0].text.is_empty(), is_answered);
            if is_answered {
                // The spans of one text add up.
                assert!(answers[0].score > 0.999 * best.exp(), "{answers:?}");
            }
        }
    }
}

#[test]
fn independent_heads_find_no_answer_above_the_threshold() {
    let question = [("Where lives Anna?", "Anna lives in Berlin.")];
    let said = |no_answer| {
        let settings = AnswerSettings {
            no_answer,
            top_k: 50,
            ..AnswerSettings::default()
        };
        answerer(settings).answer(&question).unwrap().remove(0)
    };
    let ranked = said(NoAnswer::Ranked);
    let no_answer = ranked.iter().find(|answer| answer.text.is_empty()).unwrap();
    // The spans of one text add up, so that the best one may be less than what its text has.
    let best = said(NoAnswer::Never)[0].score;
    let margin = (no_answer.score / best).ln();
    let above = said(NoAnswer::Above(margin - 1.0));
    assert_eq!(
        (above[0].text.as_str(), above[0].score),
        ("", no_answer.score)
    );
    assert_eq!(said(NoAnswer::Above(margin + 5.0)), said(NoAnswer::Never));
    assert!(above.len() > 1 && above[1..] == said(NoAnswer::Never)[..above.len() - 1]);
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
        AnswerSettings {
            no_answer: NoAnswer::Above(f32::NAN),
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
