use proptest::prelude::*;

use super::*;
use crate::loader::{Cursor, World};

type Pairs = Vec<(Vec<u32>, Vec<u32>)>;

fn settings(arrangement: Arrangement) -> TextToTextSettings {
    TextToTextSettings {
        max_input_length: 12,
        max_target_length: 4,
        batch_size: 2,
        arrangement,
    }
}

fn loader(pairs: Pairs) -> Result<TextToTextLoader, DataError> {
    let sets = Arc::new(vec![PairSet { pairs, rate: 1.0 }]);
    TextToTextLoader::new(sets, settings(Arrangement::InOrder), 0)
}

fn first_batch(pairs: Pairs) -> Seq2SeqBatch {
    let loader = loader(pairs).unwrap();
    let first = loader.batches_from(&Cursor::default(), World::ALONE).next();
    first.unwrap().unwrap().batch
}

#[test]
fn truncation_keeps_the_end_of_sequence() {
    assert_eq!(truncated(&[5, 6, 7, 8, 1], 3), [5, 6, 1]);
    assert_eq!(truncated(&[5, 1], 3), [5, 1]);
}

#[test]
fn a_batch_is_as_wide_as_its_longest_row_in_steps_of_eight() {
    let batch = first_batch(vec![(vec![5, 6, 1], vec![7, 1]), (vec![8; 6], vec![9; 6])]);
    assert_eq!(batch.encoder_input_ids.columns, 8);
    assert_eq!(batch.decoder_target_ids.columns, 4);

    let batch = first_batch(vec![(vec![5; 9], vec![7, 1]), (vec![8; 40], vec![1])]);
    assert_eq!(batch.encoder_input_ids.columns, 12);
}

#[test]
fn a_pair_with_an_empty_side_is_an_error_that_names_it() {
    let error = loader(vec![(vec![1], vec![1]), (vec![1], vec![])])
        .err()
        .unwrap();
    assert!(matches!(error, DataError::EmptyExample { index: 1 }));
    assert!(matches!(
        loader(Vec::new()).err().unwrap(),
        DataError::EmptyCorpus
    ));
}

/// Pairs of these lengths, each token the number of its pair and its side.
fn numbered(lengths: &[(usize, usize)]) -> Pairs {
    let pair = |(index, (input, target)): (usize, &(usize, usize))| {
        let id = 10 + 2 * index as u32;
        (vec![id; *input], vec![id + 1; *target])
    };
    lengths.iter().enumerate().map(pair).collect()
}

/// Tokens of each input and target of the batches, and how many of their cells are padding.
fn seen(batches: &[Seq2SeqBatch]) -> (Vec<u32>, usize) {
    let ids = |batch: &Seq2SeqBatch| {
        [&batch.encoder_input_ids, &batch.decoder_target_ids].map(|ids| ids.values.clone())
    };
    let mut tokens: Vec<u32> = batches.iter().flat_map(ids).flatten().collect();
    let num_cells = tokens.len();
    tokens.retain(|&id| id != 0);
    tokens.sort_unstable();
    let padding = num_cells - tokens.len();
    (tokens, padding)
}

fn window(pairs: &Pairs, arrangement: Arrangement) -> Vec<Seq2SeqBatch> {
    let sets = Arc::new(vec![PairSet {
        pairs: pairs.clone(),
        rate: 1.0,
    }]);
    let loader = TextToTextLoader::new(sets, settings(arrangement), 3).unwrap();
    // As many examples as a window has are one epoch: the cursor says when it is over.
    let mut batches = Vec::new();
    for drawn in loader.batches_from(&Cursor::default(), World::ALONE) {
        let drawn = drawn.unwrap();
        batches.push(drawn.batch);
        if drawn.cursor.num_taken == 0 {
            break;
        }
    }
    batches
}

proptest! {
    #[test]
    fn no_arrangement_loses_or_duplicates_a_token(
        lengths in prop::collection::vec((1..13_usize, 1..5_usize), 128..=128)
    ) {
        let pairs = numbered(&lengths);
        let (expected, _) = seen(&[Seq2SeqBatch::from_pairs(&pairs, 12, 4)]);
        for arrangement in [Arrangement::ByLength, Arrangement::Packed] {
            let batches = window(&pairs, arrangement);
            prop_assert!(batches.iter().all(|batch| batch.encoder_input_ids.rows == 2));
            prop_assert_eq!(&seen(&batches).0, &expected);
        }
    }

    #[test]
    fn segments_are_whole_pairs(lengths in prop::collection::vec((1..13_usize, 1..5_usize), 128..=128)) {
        for batch in window(&numbered(&lengths), Arrangement::Packed) {
            let segments = batch.segment_ids.unwrap();
            let inputs = batch.encoder_input_ids.values.iter().zip(&segments.encoder.values);
            let targets = batch.decoder_target_ids.values.iter().zip(&segments.decoder.values);
            prop_assert!(inputs.clone().chain(targets.clone()).all(|(&id, &segment)| (id == 0) == (segment == 0)));
            for row in 0..2 {
                let in_row = |(cell, _): &(usize, _), columns: usize| cell / columns == row;
                let of = |segment: u32| {
                    let inputs = inputs.clone().enumerate().filter(|cell| in_row(cell, 12));
                    let targets = targets.clone().enumerate().filter(|cell| in_row(cell, 4));
                    let id = |(_, (&id, &of)): (usize, (&u32, &u32))| (of == segment).then_some(id);
                    (inputs.filter_map(id).collect::<Vec<_>>(), targets.filter_map(id).collect::<Vec<_>>())
                };
                for segment in 1..=4 {
                    let (input, target) = of(segment);
                    if let Some(&id) = input.first() {
                        let (num_inputs, num_targets) = lengths[(id as usize - 10) / 2];
                        prop_assert_eq!((input, target), (vec![id; num_inputs], vec![id + 1; num_targets]));
                    }
                }
            }
        }
    }
}

#[test]
fn arranging_by_length_and_packing_leave_less_padding() {
    let lengths: Vec<_> = (0..128).map(|i| (1 + i * 7 % 12, 1 + i % 4)).collect();
    let pairs = numbered(&lengths);
    let waste = |batches: Vec<Seq2SeqBatch>| {
        let (tokens, padding) = seen(&batches);
        padding as f64 / (tokens.len() + padding) as f64
    };
    let sets = Arc::new(vec![PairSet {
        pairs: pairs.clone(),
        rate: 1.0,
    }]);
    let in_order = TextToTextLoader::new(sets, settings(Arrangement::InOrder), 3).unwrap();
    let in_order = in_order
        .batches_from(&Cursor::default(), World::ALONE)
        .take(64);
    let in_order = waste(in_order.map(|drawn| drawn.unwrap().batch).collect());
    let by_length = waste(window(&pairs, Arrangement::ByLength));
    let packed = waste(window(&pairs, Arrangement::Packed));
    assert!(by_length < in_order - 0.02, "{by_length} {in_order}");
    assert!(packed < by_length, "{packed} {by_length}");
}

#[test]
fn sets_are_drawn_at_their_rates() {
    let set = |id: u32, rate: f64| PairSet {
        pairs: vec![(vec![id], vec![id]); 5],
        rate,
    };
    let sets = Arc::new(vec![set(7, 3.0), set(8, 1.0)]);
    let loader = TextToTextLoader::new(sets, settings(Arrangement::InOrder), 3).unwrap();
    let batches = loader
        .batches_from(&Cursor::default(), World::ALONE)
        .take(2000);
    let ids = batches.flat_map(|drawn| drawn.unwrap().batch.encoder_input_ids.values);
    let num_first = ids.filter(|&id| id == 7).count();
    // 3000 of 4000 expected, with a standard deviation of 27.
    assert!((2880..3120).contains(&num_first), "{num_first}");
}
