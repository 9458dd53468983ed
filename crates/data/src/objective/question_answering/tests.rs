use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::{synthetic, tokenizer::train};

static TOKENIZER: LazyLock<Tokenizer> =
    LazyLock::new(|| train::word_piece(synthetic::english(100, 1), 300).unwrap());

#[test]
fn windows_start_a_stride_apart_and_end_with_the_context() {
    assert_eq!(spans(10, 4, 2), [0..4, 2..6, 4..8, 6..10]);
    assert_eq!(spans(9, 4, 2), [0..4, 2..6, 4..8, 6..9]);
    // Even a stride past the window leaves nothing out.
    assert_eq!(spans(9, 4, 100), [0..4, 4..8, 8..9]);
    assert_eq!(spans(4, 4, 2), vec![0..4; 1]);
    assert!(spans(0, 4, 2).is_empty());
}

#[test]
fn a_token_counts_where_its_poorer_side_is_richest() {
    // Tokens 2 and 3 are seen twice, with 1 and 0 tokens on the poorer side: 0..4 has 1 0, 2..6 has 0 1.
    assert_eq!(max_context(6, &[0..4, 2..6]), [0, 0, 0, 1, 1, 1]);
    // The poorer sides of token 2 are equal here; the first window is longer.
    assert_eq!(max_context(5, &[0..3, 2..4, 4..5]), [0, 0, 0, 1, 2]);
    // All equal: the first.
    assert_eq!(max_context(5, &[0..3, 2..5])[2], 0);
}

#[test]
fn a_row_has_the_question_and_then_the_context() {
    let settings = WindowSettings {
        max_length: 32,
        max_question_length: 3,
        doc_stride: 8,
    };
    let question = Question {
        question: "a b c d e",
        context: "the cat sleeps",
        answer: Some(4..7),
    };
    let windows = settings.windows(&question, &TOKENIZER).unwrap();
    let context = TOKENIZER.encode_ordinary(question.context).unwrap();
    let asked = TOKENIZER.encode_ordinary("a b c").unwrap();
    let special = TOKENIZER.special();
    let (cls, sep) = (special.cls.unwrap(), special.sep.unwrap());
    assert_eq!(asked.len(), 3);
    assert_eq!(windows.len(), 1);
    let window = &windows[0];
    let ids = [&[cls][..], &asked, &[sep], &context, &[sep]].concat();
    assert_eq!(window.ids, ids);
    let types = [vec![0; 5], vec![1; context.len() + 1]].concat();
    assert_eq!(window.token_type_ids, types);
    assert_eq!(
        (window.context.clone(), window.context_start),
        (0..context.len(), 5)
    );
    assert!(window.is_max_context.iter().all(|&is| is));
    let (first, last) = window.answer;
    assert_eq!(window.text(question.context, first, last), Some("cat"));
}

#[test]
fn an_answer_that_no_token_has_or_no_window_shows_is_at_the_front() {
    let settings = WindowSettings {
        max_length: 9,
        max_question_length: 1,
        doc_stride: 2,
    };
    let context = "the cat and the dog and the bird and the fish";
    let at_front = |answer| {
        let question = Question {
            question: "a",
            context,
            answer,
        };
        let windows = settings.windows(&question, &TOKENIZER).unwrap();
        windows.iter().all(|window| window.answer == (0, 0))
    };
    assert!(at_front(None));
    assert!(at_front(Some(3..4)), "a space");
    assert!(at_front(Some(5..5)));
    assert!(at_front(Some(500..600)));
    assert!(at_front(Some(0..context.len())), "longer than a window");
    assert!(!at_front(Some(4..7)));
}

#[test]
fn characters_of_several_bytes_count_once() {
    let context = "the \u{e9}l\u{e9}phant sleeps";
    let question = Question {
        question: "who",
        context,
        answer: Some(4..12),
    };
    let windows = WindowSettings::default()
        .windows(&question, &TOKENIZER)
        .unwrap();
    let (first, last) = windows[0].answer;
    assert_eq!(
        windows[0].text(context, first, last),
        Some("\u{e9}l\u{e9}phant")
    );
    assert_eq!(windows[0].text(context, 0, last), None);
    assert_eq!(windows[0].text(context, last, first - 1), None);
}

#[test]
fn settings_without_room_and_tokenizers_without_separators_are_errors() {
    let question = Question {
        question: "who",
        context: "",
        answer: None,
    };
    let settings = WindowSettings::default();
    assert!(settings.windows(&question, &TOKENIZER).unwrap().is_empty());
    assert!(settings.windows(&question, &Tokenizer::byt5()).is_err());
    for (max_length, max_question_length, doc_stride) in [(67, 64, 1), (9, 0, 1), (9, 2, 0)] {
        let settings = WindowSettings {
            max_length,
            max_question_length,
            doc_stride,
        };
        assert!(settings.validate().is_err(), "{settings:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_token_counts_once_and_every_shown_answer_is_found_back(
        seed in 0u64..1000,
        max_length in 12usize..48,
        doc_stride in 1usize..40,
        from in 0usize..40,
        num_words in 1usize..6,
    ) {
        let context = synthetic::english(3, seed).join(" ");
        let words: Vec<&str> = context.split(' ').collect();
        let from = from.min(words.len() - num_words);
        let start = words[..from].iter().map(|word| word.len() + 1).sum::<usize>();
        let gold = words[from..from + num_words].join(" ");
        let settings = WindowSettings { max_length, max_question_length: 7, doc_stride };
        let question = Question {
            question: "where does the old cat sleep?",
            context: &context,
            answer: Some(start..start + gold.len()),
        };
        let windows = settings.windows(&question, &TOKENIZER).unwrap();
        let tokens = TOKENIZER.encode_ordinary(&context).unwrap();
        let mut counted = vec![0; tokens.len()];
        for window in &windows {
            prop_assert!(window.ids.len() <= max_length);
            let shown = &window.ids[window.context_start..window.ids.len() - 1];
            prop_assert_eq!(shown, &tokens[window.context.clone()]);
            prop_assert_eq!(window.offsets.len(), shown.len());
            for (token, &is_max) in window.context.clone().zip(&window.is_max_context) {
                counted[token] += usize::from(is_max);
            }
            let (first, last) = window.answer;
            prop_assert!((first, last) == (0, 0) || window.text(&context, first, last) == Some(&gold));
        }
        prop_assert!(counted.iter().all(|&times| times == 1));
        let room = windows[0].context.len();
        let num_gold = TOKENIZER.encode_ordinary(&gold).unwrap().len();
        let must_be_shown = num_gold + doc_stride.min(room) <= room + 1;
        prop_assert!(!must_be_shown || windows.iter().any(|window| window.answer != (0, 0)));
    }
}
