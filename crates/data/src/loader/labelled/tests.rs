use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::loader::{Cursor, Workers, World};

const PAD: u32 = 9999;

fn row(ids: &[u32]) -> EncodedRow {
    EncodedRow {
        ids: ids.to_vec(),
        token_type_ids: vec![0; ids.len()],
    }
}

fn labelled<T>(rows: &[&[u32]], target: T) -> Labelled<T> {
    Labelled {
        rows: rows.iter().map(|ids| row(ids)).collect(),
        target,
    }
}

fn loader<T: Target>(
    examples: Vec<Labelled<T>>,
    batch_size: usize,
) -> Result<LabelledLoader<T>, DataError> {
    let settings = LabelledSettings {
        batch_size,
        pad_id: PAD,
    };
    LabelledLoader::new(Arc::new(examples), settings, 7)
}

fn refusal<T: Target>(examples: Vec<Labelled<T>>) -> String {
    loader(examples, 2).err().unwrap().to_string()
}

#[test]
fn the_rows_of_an_example_stand_behind_each_other() {
    let examples = vec![
        labelled(&[&[1, 2], &[3]], 1),
        labelled(&[&[4], &[5; 9]], 0),
        labelled(&[&[6; 10], &[7]], 1),
    ];
    let batches = loader(examples, 2).unwrap().evaluation_batches(9).unwrap();
    assert_eq!(batches.len(), 2);
    let LabelledBatch { input, targets } = &batches[0];
    assert_eq!(targets, &[1, 0]);
    assert_eq!(input.input_ids.rows, 4);
    // Of 9 tokens 16 columns would be made, but no row of the set has more than 10.
    assert_eq!(input.input_ids.columns, 10);
    assert_eq!(input.input_ids.row(0)[..3], [1, 2, PAD]);
    assert_eq!(input.input_ids.row(3)[8..], [5, PAD]);
    assert_eq!((input.num_tokens(), input.num_cells()), (13, 40));
}

#[test]
fn a_batch_is_as_wide_as_its_longest_row_in_steps_of_eight() {
    let examples = vec![labelled(&[&[1; 3]], 0.5), labelled(&[&[1; 30]], 1.5)];
    let batches = loader(examples, 1).unwrap().evaluation_batches(2).unwrap();
    let widths: Vec<usize> = batches
        .iter()
        .map(|batch| batch.input.input_ids.columns)
        .collect();
    assert_eq!(widths, [8, 30]);
}

#[test]
fn examples_that_do_not_fit_are_named() {
    assert_eq!(
        refusal(vec![labelled(&[&[1], &[2]], 0), labelled(&[&[1]], 0)]),
        "example 1 (counted from zero): 1 rows, the first example has 2"
    );
    let untyped = Labelled {
        rows: vec![EncodedRow {
            ids: vec![1, 2],
            token_type_ids: vec![0],
        }],
        target: 0,
    };
    assert!(
        refusal(vec![untyped]).contains("example 0 (counted from zero): a row has not a token")
    );
    for empty in [labelled(&[&[]], 0), labelled(&[], 0)] {
        assert!(refusal(vec![empty]).contains("example 0"));
    }
    let refused = loader(Vec::<Labelled<u32>>::new(), 2).err().unwrap();
    assert!(matches!(refused, DataError::EmptyCorpus));
    let refused = loader(vec![labelled(&[&[1]], 0)], 0).err().unwrap();
    assert!(matches!(
        refused,
        DataError::InvalidSetting {
            key: "batch_size",
            ..
        }
    ));
}

fn answer(first: usize, last: usize) -> AnswerTarget {
    AnswerTarget {
        first,
        last,
        is_impossible: false,
    }
}

#[test]
fn a_target_is_of_its_rows() {
    let rows: &[&[u32]] = &[&[1, 2, 3]];
    let wrong = "example 0 (counted from zero): the target is not of the example's rows";
    assert_eq!(refusal(vec![labelled(rows, answer(1, 3))]), wrong);
    assert_eq!(refusal(vec![labelled(rows, answer(2, 1))]), wrong);
    assert_eq!(refusal(vec![labelled(rows, vec![Some(1), None])]), wrong);
    assert_eq!(refusal(vec![labelled(&[&[1], &[2]], 2)]), wrong);
    assert!(loader(vec![labelled(rows, 70_u32)], 1).is_ok());
    assert!(loader(vec![labelled(rows, answer(2, 2))], 1).is_ok());
}

fn digests_differ<T: Target>(one: T, other: T) {
    let digest = |target: &T| {
        let examples = vec![labelled(&[&[1, 2]], target.clone())];
        loader(examples, 1).unwrap().digest()
    };
    assert_eq!(digest(&one), digest(&one));
    assert_ne!(digest(&one), digest(&other));
}

#[test]
fn another_target_or_another_row_gives_another_digest() {
    digests_differ(0_u32, 1);
    digests_differ(0.5_f32, 0.25);
    digests_differ(vec![None, Some(0)], vec![Some(0), None]);
    digests_differ(vec![None, Some(0)], vec![None, None]);
    digests_differ(answer(0, 1), answer(1, 1));
    let impossible = AnswerTarget {
        is_impossible: true,
        ..answer(0, 0)
    };
    digests_differ(answer(0, 0), impossible);

    let of = |rows: &[&[u32]]| loader(vec![labelled(rows, 0)], 1).unwrap().digest();
    assert_ne!(of(&[&[1, 2]]), of(&[&[1, 3]]));
    assert_ne!(of(&[&[1, 2]]), of(&[&[1], &[2]]));
    let mut typed = labelled(&[&[1, 2]], 0);
    typed.rows[0].token_type_ids[1] = 1;
    assert_ne!(of(&[&[1, 2]]), loader(vec![typed], 1).unwrap().digest());
}

#[test]
fn threads_make_the_same_batches() {
    let examples = (0..20).map(|id| labelled(&[&[id; 3]], id)).collect();
    let loader = loader(examples, 3).unwrap();
    let start = Cursor::default();
    let workers = Workers {
        num_threads: 2,
        ..Workers::default()
    };
    let prefetched = loader.prefetch(&start, World::ALONE, workers).unwrap();
    let plain = loader.batches_from(&start, World::ALONE);
    for (one, other) in plain.zip(prefetched).take(30) {
        assert_eq!(one.unwrap(), other.unwrap());
    }
}

proptest! {
    #[test]
    fn an_epoch_has_every_example_once_with_its_target(
        lengths in prop::collection::vec((1..20_usize, 1..20_usize), 1..40),
        batch_size in 1..6_usize,
    ) {
        let example = |(index, (first, second)): (usize, &(usize, usize))| {
            let id = index as u32;
            labelled(&[&vec![id; *first], &vec![id; *second]], id as f32)
        };
        let examples: Vec<_> = lengths.iter().enumerate().map(example).collect();
        let loader = loader(examples, batch_size).unwrap();
        let num_batches = lengths.len();
        let batches = loader.batches_from(&Cursor::default(), World::ALONE).take(num_batches);
        let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
        for batch in batches {
            let LabelledBatch { input, targets } = batch.unwrap().batch;
            prop_assert_eq!(input.input_ids.rows, 2 * batch_size);
            for (index, target) in targets.into_iter().enumerate() {
                let id = target as u32;
                *seen.entry(id).or_default() += 1;
                let (first, second) = lengths[id as usize];
                for (row, length) in [(2 * index, first), (2 * index + 1, second)] {
                    let (tokens, padding) = input.input_ids.row(row).split_at(length);
                    prop_assert!(tokens.iter().all(|&token| token == id));
                    prop_assert!(padding.iter().all(|&token| token == PAD));
                    let mask = input.padding_mask.row(row);
                    prop_assert!(mask[..length].iter().all(|&is_padding| !is_padding));
                    prop_assert!(mask[length..].iter().all(|&is_padding| is_padding));
                }
            }
        }
        // As many batches as there are examples are as many epochs as a batch has rows.
        prop_assert!((0..lengths.len() as u32).all(|id| seen.get(&id) == Some(&batch_size)));
    }
}
