use lamplight_pipelines::Detector;
use lamplight_testing::test_device;

use crate::case::{assert_near, expected, folder, list, odd_texts, texts, tolerance};

fn detector() -> Detector {
    Detector::from_pretrained(&folder("detect"), &test_device()).unwrap()
}

#[test]
fn tokens_have_the_offsets_and_probabilities_of_transformers() {
    let expected = expected("detect");
    let texts = texts(&expected);
    let answers = detector().detect(&texts).unwrap();
    assert_eq!(answers.len(), list(&expected["answers"]).len());
    for ((text, tokens), wanted) in texts.iter().zip(&answers).zip(list(&expected["answers"])) {
        assert_eq!(tokens.len(), list(wanted).len(), "{text:?}");
        for (token, wanted) in tokens.iter().zip(list(wanted)) {
            assert_eq!(token.characters.start, wanted["start"], "{text:?}");
            assert_eq!(token.characters.end, wanted["end"], "{text:?}");
            assert_near(token.probability, &wanted["score"], text);
        }
    }
}

#[test]
fn odd_texts_are_read_to_their_ends_whatever_is_in_the_batch() {
    let detector = detector();
    let texts = odd_texts();
    let together = detector.detect(&texts).unwrap();
    for (text, together) in texts.iter().zip(&together) {
        let alone = detector.detect(&[text]).unwrap().remove(0);
        assert_eq!(alone.len(), together.len());
        for (alone, together) in alone.iter().zip(together) {
            assert_eq!(alone.characters, together.characters);
            assert!((alone.probability - together.probability).abs() < tolerance());
            let characters = text.chars().skip(alone.characters.start);
            let shown: String = characters.take(alone.characters.len()).collect();
            assert_eq!(alone.text, shown);
        }
    }
}

#[test]
fn a_long_text_is_read_through_windows() {
    let detector = detector();
    let text = "the old cat sleeps near Berlin. ".repeat(100);
    let tokens = detector.detect(&[&text]).unwrap().remove(0);
    assert_eq!(tokens.last().unwrap().characters.end, text.trim_end().len());
    // The first window has room for 94 tokens and counts up to the middle of its second half.
    let end = tokens[93].characters.end;
    let window = detector.detect(&[&text[..end]]).unwrap().remove(0);
    let off = |place: usize| (window[place].probability - tokens[place].probability).abs();
    assert_eq!(window.len(), 94);
    assert!((0..70).all(|place| off(place) < tolerance()));
    assert!((71..94).any(|place| off(place) > tolerance()));
}
