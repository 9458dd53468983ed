use super::*;
use crate::{
    synthetic,
    tokenizer::{frame::Frame, train},
};
use proptest::prelude::*;
use std::sync::LazyLock;
use tokenizers::{AddedToken, pre_tokenizers::metaspace::Metaspace};
use unicode_segmentation::UnicodeSegmentation;

/// What text is made of, and what breaks a cut at every space: marks that join a space, spaces that join each other,
/// special tokens, characters that normalizers drop or map to white space.
const FRAGMENTS: [&str; 40] = [
    " ",
    " ",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\u{b}",
    "\0",
    "\u{a0}",
    "\u{3000}",
    "\u{2028}",
    "the",
    "dog",
    "The",
    "don't",
    "end.",
    "(a",
    "é",
    "e\u{301}",
    "\u{301}",
    "\u{345}",
    "\u{200d}",
    "\u{600}",
    "\u{ad}",
    "\u{feff}",
    "日本",
    "한국",
    "ß",
    "İ",
    "Σ",
    "▁",
    "<extra_id_0>",
    "</s>",
    "[MASK]",
    "[SEP]",
    "\u{1f468}\u{200d}\u{1f469}",
    "\u{fb01}",
    "—",
];

fn models() -> [Tokenizer; 2] {
    let texts = synthetic::english(100, 1);
    [train::unigram(&texts, 400), train::word_piece(&texts, 400)].map(|tokenizer| {
        match tokenizer.unwrap().model {
            crate::tokenizer::Model::Subword(model) => *model,
            crate::tokenizer::Model::Bytes(_) => unreachable!(),
        }
    })
}

static MODELS: LazyLock<[(Tokenizer, SeenWords); 2]> =
    LazyLock::new(|| models().map(|model| (model, SeenWords::default())));

fn text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![3 => prop::sample::select(&FRAGMENTS[..]).prop_map(str::to_owned), 1 => ".{0,3}"];
    prop::collection::vec(fragment, 0..30).prop_map(|fragments| fragments.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn ids_are_those_of_the_whole_text(text in text()) {
        for (model, seen) in &*MODELS {
            let whole = model.encode_fast(text.as_str(), false).unwrap();
            let ids = seen.encode(model, &text).unwrap();
            prop_assert_eq!(&ids, whole.get_ids());
            let framed = model.encode_fast(text.as_str(), true).unwrap();
            let frame = Frame::find(model).unwrap();
            prop_assert_eq!(frame.around(ids), framed.get_ids());
        }
    }

    #[test]
    fn words_leave_out_separators_only(text in text()) {
        let without = |text: &str| text.replace(SEPARATORS, "");
        prop_assert_eq!(without(&words(&text).collect::<String>()), without(&text));
    }
}

#[test]
fn a_space_beside_a_character_that_stands_alone_is_a_grapheme() {
    for character in ('\0'..=char::MAX).filter(|character| stands_alone(*character)) {
        for text in [format!(" {character}"), format!("{character} ")] {
            assert_eq!(text.graphemes(true).count(), 2, "{text:?}");
        }
    }
}

#[test]
fn words_are_cut_at_spaces_and_line_breaks() {
    let cut = |text| words(text).collect::<Vec<_>>();
    assert_eq!(cut(" one  two\nthree "), ["one", "two", "three"]);
    assert_eq!(cut("a \u{301}b c"), ["a \u{301}b", "c"]);
    assert_eq!(cut("a\r\nb"), ["a\r\nb"]);
    assert_eq!(cut(""), [""; 0]);
}

#[test]
fn words_met_again_outlive_those_that_are_not() {
    let mut seen = Generations::default();
    let keep =
        |seen: &mut Generations, number: usize| seen.keep(&number.to_string(), &[number as u32, 7]);
    (0..MAX_WORDS).for_each(|number| keep(&mut seen, number));
    assert_eq!(seen.young.get("3"), Some(&[3, 7][..]));
    keep(&mut seen, MAX_WORDS);
    keep(&mut seen, 3);
    (MAX_WORDS + 1..2 * MAX_WORDS).for_each(|number| keep(&mut seen, number));
    assert_eq!(seen.old.get("3"), Some(&[3, 7][..]));
    assert_eq!(seen.old.get("4"), None);
    assert!(seen.young.ranges.len() <= MAX_WORDS && seen.old.ids.len() <= 2 * MAX_WORDS);
}

#[test]
fn long_words_are_not_kept() {
    let mut seen = Generations::default();
    seen.keep(&"x".repeat(MAX_WORD_BYTES + 1), &[1]);
    assert_eq!(seen.young.ranges.len(), 0);
}

#[test]
fn threads_do_not_share_their_words() {
    let (model, seen) = &MODELS[0];
    let expected = seen.encode(model, "the dog barks").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(seen.encode(model, "the dog barks").unwrap(), expected));
        }
    });
}

#[test]
fn pipelines_that_look_beyond_a_word_are_not_separable() {
    let [unigram, word_piece] = models();
    assert!(is_separable(&unigram) && is_separable(&word_piece));

    let mut first = unigram.clone();
    first.with_pre_tokenizer(Some(Metaspace::new('▁', PrependScheme::First, true)));
    assert!(!is_separable(&first));

    for token in [
        AddedToken::from("of the", true),
        AddedToken::from("dog", false).normalized(true),
    ] {
        let mut added = word_piece.clone();
        added.add_tokens([token]).unwrap();
        assert!(!is_separable(&added));
    }
}
