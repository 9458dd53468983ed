use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::{synthetic, tokenizer::train};

static WORD_PIECE: LazyLock<Tokenizer> =
    LazyLock::new(|| train::word_piece(synthetic::english(100, 1), 300).unwrap());
static UNIGRAM: LazyLock<Tokenizer> =
    LazyLock::new(|| train::unigram(synthetic::english(100, 1), 400).unwrap());
static BYT5: LazyLock<Tokenizer> = LazyLock::new(Tokenizer::byt5);

fn aligned(tokenizer: &Tokenizer, words: &[&str], max_length: usize) -> AlignedWords {
    let alignment = WordAlignment::new(tokenizer, max_length).unwrap();
    alignment.align(words).unwrap()
}

#[test]
fn the_first_piece_of_each_word_bears_its_label() {
    let AlignedWords {
        ids, first_pieces, ..
    } = aligned(&BYT5, &["ab", "c"], 32);
    let byte = |byte: u8| u32::from(byte) + 3;
    assert_eq!(ids, [byte(b'a'), byte(b'b'), byte(b' '), byte(b'c'), 1]);
    assert_eq!(first_pieces, [Some(0), None, None, Some(1), None]);
}

#[test]
fn special_tokens_bear_no_label() {
    let words = aligned(&WORD_PIECE, &["the", "cats"], 32);
    let labels = words.labels(&[0, 5]).unwrap();
    assert_eq!((labels[0], labels[1]), (None, Some(0)));
    assert_eq!(labels.last(), Some(&None));
    assert_eq!(labels.iter().flatten().count(), 2);

    let words = aligned(&UNIGRAM, &["the", "cats"], 32);
    let labels = words.labels(&[0, 5]).unwrap();
    assert_eq!((labels[0], labels.last()), (Some(0), Some(&None)));
}

#[test]
fn a_word_without_a_piece_shifts_no_label() {
    let words = aligned(&WORD_PIECE, &["the", "\u{7}", "cat", ""], 32);
    let with_gap = words.labels(&[1, 2, 3, 4]).unwrap();
    let without = aligned(&WORD_PIECE, &["the", "cat"], 32);
    assert_eq!(words.ids, without.ids);
    assert_eq!(with_gap, without.labels(&[1, 3]).unwrap());
    assert_eq!(
        aligned(&BYT5, &["a", "", "b"], 32).ids,
        BYT5.encode("a b").unwrap()
    );
}

#[test]
fn truncation_keeps_the_special_tokens() {
    let words = ["the"; 50];
    let whole = aligned(&WORD_PIECE, &words, 512);
    let AlignedWords {
        ids, first_pieces, ..
    } = aligned(&WORD_PIECE, &words, 10);
    assert_eq!(ids.len(), 10);
    assert_eq!(ids[..9], whole.ids[..9]);
    assert_eq!(ids.last(), whole.ids.last());
    assert_eq!(first_pieces.last(), Some(&None));
    assert_eq!(aligned(&UNIGRAM, &words, 10).ids.last(), Some(&1));
}

#[test]
fn rows_without_room_and_labels_without_words_are_errors() {
    assert!(matches!(
        WordAlignment::new(&WORD_PIECE, 2),
        Err(DataError::InvalidSetting { .. })
    ));
    assert!(WordAlignment::new(&UNIGRAM, 2).is_ok());
    let words = aligned(&WORD_PIECE, &["the", "cat"], 8);
    assert!(matches!(
        words.labels(&[1]),
        Err(DataError::LabelCount {
            words: 2,
            labels: 1
        })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_are_those_of_the_text_and_every_word_that_fits_is_labelled(
        seed in 0u64..1000,
        max_length in 3usize..80,
    ) {
        let text = synthetic::english(1, seed).concat();
        let words: Vec<&str> = text.split_whitespace().collect();
        let labels: Vec<u32> = (0..words.len() as u32).collect();
        for tokenizer in [&*WORD_PIECE, &*UNIGRAM, &*BYT5] {
            let whole = aligned(tokenizer, &words, 10_000);
            prop_assert_eq!(&whole.ids, &tokenizer.encode(&words.join(" ")).unwrap());
            let all: Vec<u32> = whole.labels(&labels).unwrap().into_iter().flatten().collect();
            prop_assert_eq!(&all, &labels);

            let cut = aligned(tokenizer, &words, max_length);
            prop_assert_eq!(cut.ids.len(), whole.ids.len().min(max_length));
            prop_assert_eq!(cut.ids.last(), whole.ids.last());
            let kept: Vec<u32> = cut.labels(&labels).unwrap().into_iter().flatten().collect();
            prop_assert_eq!(&kept[..], &labels[..kept.len()]);
            let same = cut.ids.len() - 1;
            prop_assert_eq!(&cut.first_pieces[..same], &whole.first_pieces[..same]);
        }
    }
}
