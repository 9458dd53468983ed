//! What holds for every text.

use std::ops::Range;
use std::sync::LazyLock;

use lamplight_pipelines::{Aggregation, AnswerSettings, Answerer, Detector, Tagger};
use lamplight_testing::{compiles_kernels, test_device};
use proptest::prelude::*;

use crate::case::folder;

static DETECTOR: LazyLock<Detector> =
    LazyLock::new(|| Detector::from_pretrained(&folder("detect"), &test_device()).unwrap());
static ANSWERER: LazyLock<Answerer> = LazyLock::new(|| {
    let answerer = Answerer::from_pretrained(&folder("answer"), &test_device()).unwrap();
    let top_k = 5;
    let settings = AnswerSettings {
        top_k,
        ..AnswerSettings::default()
    };
    answerer.with_settings(settings).unwrap()
});
static TAGGERS: LazyLock<Vec<Tagger>> = LazyLock::new(|| {
    let taggers = ["tag", "t5_tag"].map(|name| {
        let tagger = Tagger::from_pretrained(&folder(name), &test_device()).unwrap();
        [Aggregation::Simple, Aggregation::First].map(|how| tagger.clone().aggregation(how))
    });
    taggers.into_iter().flatten().collect()
});

fn shown(text: &str, characters: &Range<usize>) -> String {
    let skipped = text.chars().skip(characters.start);
    skipped.take(characters.len()).collect()
}

fn settings() -> ProptestConfig {
    ProptestConfig::with_cases(if compiles_kernels() { 4 } else { 100 })
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn offsets_are_characters_of_the_text(text in "\\PC{0,40}|[a-z \u{0}-\u{1f}é🙂]{0,60}|(anna|river|ing| |ﬁ|İ){0,80}") {
        let length = text.chars().count();
        for token in DETECTOR.detect(&[&text]).unwrap().remove(0) {
            prop_assert!(token.characters.start <= token.characters.end);
            prop_assert!(token.characters.end <= length);
            prop_assert_eq!(shown(&text, &token.characters), token.text);
        }
        for answer in ANSWERER.answer(&[("who?", &text)]).unwrap().remove(0) {
            prop_assert_eq!(shown(&text, &answer.characters), answer.text);
        }
        for tagger in TAGGERS.iter() {
            let entities = tagger.tag(&[&text]).unwrap().remove(0);
            for entity in &entities {
                prop_assert!(entity.characters.end <= length);
                prop_assert_eq!(&shown(&text, &entity.characters), &entity.text);
            }
            prop_assert!(entities.is_sorted_by_key(|entity| entity.characters.start));
        }
    }
}
