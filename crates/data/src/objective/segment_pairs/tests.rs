use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::tokenizer::train;

const CLS: u32 = 2;
const SEP: u32 = 3;
const STOP: u32 = 9;

fn pairs(max_length: u32) -> SegmentPairs {
    SegmentPairs {
        max_length,
        cls: CLS,
        sep: SEP,
        sentence_ends: vec![STOP],
    }
}

/// Sentences of the given lengths; the tokens of the first are 100, those of the second 101 and so on.
fn document(lengths: &[usize]) -> Vec<u32> {
    let sentence = |(index, &length): (usize, &usize)| {
        let mut sentence = vec![100 + index as u32; length - 1];
        sentence.push(STOP);
        sentence
    };
    lengths.iter().enumerate().flat_map(sentence).collect()
}

fn example(first_length: u32, overfills: bool) -> SegmentPair {
    SegmentPair {
        start: 0,
        end: 17,
        first_length,
        overfills,
    }
}

/// Rows of 16, so a first segment of (16 - 3) / 2 = 6 tokens; sentences of 4, 3, 2 and 8 tokens.
fn laid_out(first_length: u32, overfills: bool) -> Segments {
    let text = document(&[4, 3, 2, 8]);
    pairs(16).lay_out(&example(first_length, overfills), &text)
}

#[test]
fn a_sentence_that_does_not_fit_goes_to_the_second_segment() {
    // 4 and 3 pass 6; 4 and 2 do too, for a segment must stay shorter than its target.
    let Segments {
        input_ids,
        token_type_ids,
    } = laid_out(6, false);
    let second = [101, 101, STOP, 102, STOP, 103, 103, 103, 103];
    let expected = [&[CLS, 100, 100, 100, STOP, SEP][..], &second, &[SEP]].concat();
    assert_eq!(input_ids, expected);
    assert_eq!(token_type_ids, [vec![0; 6], vec![1; 10]].concat());
}

#[test]
fn a_short_sentence_joins_the_first_segment_behind_a_long_one_in_the_second() {
    let Segments { input_ids, .. } = laid_out(7, false);
    let first = [100, 100, 100, STOP, 102, STOP];
    let second = [101, 101, STOP, 103, 103, 103, 103];
    assert_eq!(
        input_ids,
        [&[CLS][..], &first, &[SEP], &second, &[SEP]].concat()
    );
}

#[test]
fn an_overfilled_first_segment_has_the_sentence_that_did_not_fit() {
    let Segments { input_ids, .. } = laid_out(6, true);
    let first = [100, 100, 100, STOP, 101, 101, STOP];
    let second = [102, STOP, 103, 103, 103, 103];
    assert_eq!(
        input_ids,
        [&[CLS][..], &first, &[SEP], &second, &[SEP]].concat()
    );
}

#[test]
fn a_single_segment_fills_the_row() {
    let Segments {
        input_ids,
        token_type_ids,
    } = laid_out(u32::MAX, false);
    let text = document(&[4, 3, 2, 8]);
    assert_eq!(input_ids, [&[CLS][..], &text[..14], &[SEP]].concat());
    assert_eq!(token_type_ids, [0; 16]);
}

#[test]
fn what_a_long_sentence_has_past_the_row_is_lost() {
    let text = document(&[40, 3]);
    let Segments { input_ids, .. } = pairs(16).lay_out(&example(6, false), &text);
    assert_eq!(input_ids, [vec![CLS], vec![100; 14], vec![SEP]].concat());
}

#[test]
fn an_ellipsis_ends_one_sentence() {
    let pairs = pairs(16);
    let text = [5, STOP, STOP, STOP, 6, STOP, 7];
    let sentences: Vec<&[u32]> = pairs.sentences(&text).collect();
    assert_eq!(sentences, [&[5, STOP, STOP, STOP][..], &[6, STOP], &[7]]);
    assert_eq!(pairs.sentences(&[]).count(), 0);
}

#[test]
fn random_choices_have_the_published_frequencies() {
    let text = document(&[3; 30_000]);
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let examples = pairs(63).examples(&text, rng).unwrap();
    let num_examples = examples.len() as f64;
    let frequency = |wanted: fn(&SegmentPair) -> bool| {
        examples.iter().filter(|example| wanted(example)).count() as f64 / num_examples
    };
    let is_single = frequency(|example| example.first_length == u32::MAX);
    let overfills = frequency(|example| example.overfills);
    // A length of 61 to 63 needs 63 tokens too: 3 of the 59 lengths from 5 to 63.
    let is_short = frequency(|example| example.end - example.start < 63);
    assert!(num_examples > 1400.0);
    assert!((is_single - 0.1).abs() < 0.03, "{is_single}");
    assert!((overfills - 0.5).abs() < 0.05, "{overfills}");
    assert!((is_short - 0.0475).abs() < 0.02, "{is_short}");
    let halves = examples.iter().map(|example| example.first_length);
    assert!(halves.filter(|&length| length == 30).count() as f64 > 0.8 * num_examples);
}

#[test]
fn tokens_of_full_stops_end_sentences() {
    let texts: Vec<String> = (0..40)
        .map(|index| format!("Lamp {index} is lit. Is it? It is! {index}.5 \"more\""))
        .collect();
    let tokenizer = train::word_piece(&texts, 120).unwrap();
    let mut ends: Vec<u32> = tokenizer.encode_ordinary(". ! ?").unwrap();
    ends.sort_unstable();
    assert_eq!(sentence_ends(&tokenizer), ends);

    let byt5 = [33, 46, 63].map(|byte| byte + 3);
    assert_eq!(sentence_ends(&Tokenizer::byt5()), byt5);
}

#[test]
fn rows_without_room_and_tokenizers_without_separators_are_errors() {
    let tokenizer = train::word_piece(["a word. and one"], 40).unwrap();
    assert!(SegmentPairs::new(&tokenizer, 5).is_ok());
    assert!(matches!(
        SegmentPairs::new(&tokenizer, 4),
        Err(DataError::InvalidSetting { .. })
    ));
    assert!(matches!(
        SegmentPairs::new(&Tokenizer::byt5(), 128),
        Err(DataError::MissingSpecialToken { token: "[CLS]" })
    ));
}

proptest! {
    #[test]
    fn examples_cover_the_document_and_fit_their_rows(
        lengths in prop::collection::vec(1usize..40, 0..60),
        max_length in 5u32..64,
        seed: u64,
    ) {
        let pairs = pairs(max_length);
        let text = document(&lengths);
        let examples = pairs.examples(&text, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
        let mut next = 0;
        for example in &examples {
            prop_assert_eq!(example.start, next);
            prop_assert!(example.end > example.start);
            next = example.end;
            let part = &text[example.start as usize..example.end as usize];
            let Segments { input_ids, token_type_ids } = pairs.lay_out(example, part);
            prop_assert!(input_ids.len() <= max_length as usize);
            prop_assert_eq!(input_ids.len(), token_type_ids.len());
            prop_assert_eq!(input_ids[0], CLS);
            prop_assert_eq!(input_ids.last(), Some(&SEP));

            // Each segment has tokens of the document in order, and an example that fits has them all.
            let num_segments = input_ids.iter().filter(|&&id| id == SEP).count();
            prop_assert_eq!(num_segments as u32, token_type_ids.last().unwrap() + 1);
            for segment in input_ids[1..].split(|&id| id == SEP) {
                let words: Vec<u32> = segment.iter().copied().filter(|&id| id != STOP).collect();
                prop_assert!(words.is_sorted());
            }
            let kept = input_ids.len() - 1 - num_segments;
            let two_fit = part.len() + 3 <= max_length as usize;
            prop_assert!(kept == part.len() || !two_fit);
        }
        prop_assert_eq!(next as usize, text.len());
    }
}
