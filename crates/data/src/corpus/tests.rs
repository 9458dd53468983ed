use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn numbered(num_documents: u32) -> Corpus {
    Corpus::from_documents((0..num_documents).map(|id| vec![id; 3]).collect())
}

fn ids(corpus: &Corpus) -> BTreeSet<u32> {
    corpus.documents().flatten().collect()
}

fn documents(corpus: &Corpus) -> Vec<Vec<u32>> {
    corpus.documents().collect()
}

#[test]
fn a_split_loses_nothing_and_shares_nothing() {
    let (training, held_out) = numbered(100).split_held_out(0.05, 7);
    assert_eq!(held_out.num_documents(), 5);
    assert!(ids(&training).is_disjoint(&ids(&held_out)));
    assert_eq!(training.num_tokens() + held_out.num_tokens(), 300);
    let (again, held_out_again) = numbered(100).split_held_out(0.05, 7);
    assert_eq!(documents(&again), documents(&training));
    assert_eq!(documents(&held_out_again), documents(&held_out));
    assert_eq!(again.digest(), training.digest());
    assert_ne!(training.digest(), held_out.digest());
}

#[test]
fn each_side_of_a_split_gets_something_where_it_can() {
    let (training, held_out) = numbered(2).split_held_out(0.001, 0);
    assert_eq!((training.num_tokens(), held_out.num_tokens()), (3, 3));
    let only = Corpus::from_documents(vec![(0..100).collect()]);
    let (training, held_out) = only.split_held_out(0.1, 0);
    assert_eq!((training.num_tokens(), held_out.num_tokens()), (90, 10));
    assert_eq!(documents(&held_out)[0][0], 90);
    assert_eq!(documents(&training), [(0..90).collect::<Vec<_>>()]);
    let (training, held_out) = numbered(10).split_held_out(0.0, 0);
    assert_eq!((training.num_tokens(), held_out.num_tokens()), (30, 0));
    assert_eq!(held_out.num_documents(), 0);
}

#[test]
fn an_id_past_the_vocabulary_is_an_error_that_names_both() {
    let error = numbered(10).check_vocabulary(9).unwrap_err().to_string();
    assert!(error.contains('9'), "{error}");
    assert!(numbered(10).check_vocabulary(10).is_ok());
}

#[test]
fn a_digest_depends_on_ids_and_on_where_documents_end() {
    let digest = |documents: &[&[u32]]| {
        let documents = documents.iter().map(|document| document.to_vec());
        Corpus::from_documents(documents.collect()).digest()
    };
    assert_eq!(digest(&[&[1, 2], &[3]]), digest(&[&[1, 2], &[3]]));
    assert_ne!(digest(&[&[1, 2], &[3]]), digest(&[&[1], &[2, 3]]));
    assert_ne!(digest(&[&[1, 2], &[3]]), digest(&[&[1, 2], &[4]]));
}

proptest! {
    #[test]
    fn every_range_is_that_of_the_documents_in_a_row(
        shards in prop::collection::vec(prop::collection::vec(prop::collection::vec(1..70_000_u32, 0..6), 0..6), 1..4),
        fraction in 0.0..0.9,
        seed in 0..9_u64,
    ) {
        let written: Vec<Vec<u32>> = shards.concat().into_iter().filter(|d| !d.is_empty()).collect();
        let shards = shards.iter().map(|documents| Shard::in_memory(documents)).collect();
        let whole = Corpus::from_shards(shards);
        prop_assert_eq!(&documents(&whole), &written);
        let (training, held_out) = whole.clone().split_held_out(fraction, seed);
        for corpus in [whole, training, held_out] {
            let documents = documents(&corpus);
            prop_assert_eq!(documents.len(), corpus.num_documents());
            let plain = documents.concat();
            let separated: Vec<u32> = documents.iter().flat_map(|d| d.iter().copied().chain([0])).collect();
            prop_assert_eq!(plain.len(), corpus.num_tokens());
            for start in 0..=plain.len() {
                for end in [start, (start + 3).min(plain.len()), plain.len()] {
                    prop_assert_eq!(&corpus.tokens(start..end)[..], &plain[start..end]);
                }
            }
            for start in 0..=separated.len() {
                for end in [start, (start + 3).min(separated.len()), separated.len()] {
                    prop_assert_eq!(&corpus.separated_tokens(start..end, 0)[..], &separated[start..end]);
                }
            }
        }
    }
}
