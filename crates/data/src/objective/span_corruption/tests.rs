use std::collections::HashMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

#[test]
fn every_composition_is_equally_likely() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut counts: HashMap<Vec<usize>, usize> = HashMap::new();
    for _ in 0..20_000 {
        *counts
            .entry(random_composition(6, 3, &mut rng))
            .or_default() += 1;
    }
    assert_eq!(counts.len(), 10);
    for (parts, count) in counts {
        assert_eq!(parts.iter().sum::<usize>(), 6);
        assert!((1850..2150).contains(&count), "{parts:?}: {count}");
    }
}

#[test]
fn sentinels_stand_in_order_on_both_sides() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let tokens: Vec<u32> = (1000..1568).collect();
    let sentinel = |index: usize| u32::try_from(32_099 - index).ok();
    let (inputs, targets) = SpanCorruption::default()
        .apply(&tokens, sentinel, 1, &mut rng)
        .unwrap();
    let of = |ids: &[u32]| -> Vec<u32> { ids.iter().copied().filter(|&id| id >= 32_000).collect() };
    let expected: Vec<u32> = (0..28).map(|index| 32_099 - index).collect();
    assert_eq!(of(&inputs), expected);
    assert_eq!(of(&targets), expected);
    assert_eq!((inputs.len(), targets.len()), (512, 114));
    assert_eq!((inputs[0], targets[0]), (1000, 32_099));
    assert_eq!((inputs.last(), targets.last()), (Some(&1), Some(&1)));
}

#[test]
fn a_text_with_more_spans_than_sentinels_is_an_error() {
    let tokens: Vec<u32> = (0..100).collect();
    let few = |index: usize| (index < 2).then_some(500);
    let error = SpanCorruption::default()
        .apply(&tokens, few, 1, &mut ChaCha8Rng::seed_from_u64(0))
        .unwrap_err();
    assert!(matches!(
        error,
        DataError::NotEnoughSentinels {
            spans: 5,
            sentinels: 2
        }
    ));
}

#[test]
fn settings_out_of_range_are_errors() {
    for (noise_density, mean_span_length) in [
        (0.0, 3.0),
        (1.0, 3.0),
        (f64::NAN, 3.0),
        (0.15, 0.9),
        (0.15, f64::INFINITY),
    ] {
        let objective = SpanCorruption {
            noise_density,
            mean_span_length,
        };
        assert!(objective.lengths(512).is_err(), "{objective:?}");
    }
    assert!(SpanCorruption::default().lengths(2).is_err());
}
