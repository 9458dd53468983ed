use lamplight_pipelines::{MaskFiller, PipelineError};
use lamplight_testing::test_device;

use crate::case::{assert_near, expected, folder, list, odd_texts, texts, tolerance};

fn filler() -> MaskFiller {
    MaskFiller::from_pretrained(&folder("fill_mask"), &test_device()).unwrap()
}

#[test]
fn masks_are_filled_as_transformers_fills_them() {
    let expected = expected("fill_mask");
    let texts = texts(&expected);
    let answers = filler().top_k(4).fill(&texts).unwrap();
    assert_eq!(answers.len(), list(&expected["answers"]).len());
    for ((text, masks), wanted) in texts.iter().zip(&answers).zip(list(&expected["answers"])) {
        assert_eq!(masks.len(), list(wanted).len(), "{text:?}");
        for (fillings, wanted) in masks.iter().zip(list(wanted)) {
            assert_eq!(fillings.len(), list(wanted).len(), "{text:?}");
            for (filling, wanted) in fillings.iter().zip(list(wanted)) {
                assert_eq!(filling.id, wanted["token"], "{text:?}");
                assert_eq!(filling.token, wanted["token_str"], "{text:?}");
                assert_eq!(filling.text, wanted["sequence"], "{text:?}");
                assert_near(filling.score, &wanted["score"], text);
            }
        }
    }
}

#[test]
fn odd_texts_are_filled_whatever_is_in_the_batch_or_refused() {
    let filler = filler();
    let texts: Vec<_> = odd_texts()
        .iter()
        .map(|text| format!("{text}[MASK]"))
        .collect();
    let (long, short): (Vec<_>, Vec<_>) = texts.iter().partition(|text| text.len() > 6_000);
    let together = filler.fill(&short).unwrap();
    for (text, together) in short.iter().zip(&together) {
        let alone = filler.fill(&[text]).unwrap().remove(0);
        for (alone, together) in alone.iter().flatten().zip(together.iter().flatten()) {
            assert_eq!(alone.id, together.id);
            assert!((alone.score - together.score).abs() < tolerance());
        }
    }
    for text in long {
        let error = filler.fill(&["[MASK]", text]).unwrap_err();
        assert!(
            matches!(error, PipelineError::TooLong { text: 1, .. }),
            "{error}"
        );
    }
}

#[test]
fn a_text_without_a_mask_is_refused_by_its_number() {
    for text in ["", "  ", "no blank"] {
        let error = filler().fill(&["[MASK]", text]).unwrap_err();
        assert!(
            matches!(error, PipelineError::NoBlank { text: 1, .. }),
            "{error}"
        );
    }
}
