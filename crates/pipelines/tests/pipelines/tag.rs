use lamplight_pipelines::{Aggregation, Tagger};
use lamplight_testing::test_device;

use crate::case::{assert_near, expected, folder, list, odd_texts, texts, tolerance};

const STRATEGIES: [(&str, Aggregation); 2] = [
    ("simple", Aggregation::Simple),
    ("first", Aggregation::First),
];

fn tagger(name: &str, aggregation: Aggregation) -> Tagger {
    let tagger = Tagger::from_pretrained(&folder(name), &test_device()).unwrap();
    tagger.aggregation(aggregation)
}

#[test]
fn entities_are_those_of_transformers() {
    for name in ["tag", "t5_tag"] {
        let expected = expected(name);
        let texts = texts(&expected);
        for (strategy, aggregation) in STRATEGIES {
            let answers = tagger(name, aggregation).tag(&texts).unwrap();
            let wanted = list(&expected[strategy]);
            assert_eq!(answers.len(), wanted.len());
            for ((text, entities), wanted) in texts.iter().zip(&answers).zip(wanted) {
                let what = format!("{name}, {strategy}: {text:?}");
                assert_eq!(entities.len(), list(wanted).len(), "{what}");
                for (entity, wanted) in entities.iter().zip(list(wanted)) {
                    assert_eq!(entity.label, wanted["entity_group"], "{what}");
                    assert_eq!(entity.characters.start, wanted["start"], "{what}");
                    assert_eq!(entity.characters.end, wanted["end"], "{what}");
                    assert_near(entity.score, &wanted["score"], &what);
                }
            }
        }
    }
}

#[test]
fn odd_texts_are_tagged_to_their_ends_whatever_is_in_the_batch() {
    for name in ["tag", "t5_tag"] {
        for (_, aggregation) in STRATEGIES {
            let tagger = tagger(name, aggregation);
            let texts = odd_texts();
            let together = tagger.tag(&texts).unwrap();
            for (text, together) in texts.iter().zip(&together) {
                let alone = tagger.tag(&[text]).unwrap().remove(0);
                assert_eq!(alone.len(), together.len(), "{name}: {text:?}");
                for (alone, together) in alone.iter().zip(together) {
                    assert_eq!(alone.characters, together.characters);
                    assert_eq!(alone.label, together.label);
                    assert!((alone.score - together.score).abs() < tolerance());
                    let shown: Vec<_> = text.chars().collect();
                    let shown = String::from_iter(&shown[alone.characters.clone()]);
                    assert_eq!(alone.text, shown, "{name}: {text:?}");
                }
            }
        }
    }
}
