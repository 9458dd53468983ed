//! What holds for logits processors whatever the scores.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use lamplight_t5::processors::{
    AllowedTokens, EncoderNoRepeatNGram, EncoderRepetitionPenalty, Epsilon, Eta,
    ExponentialDecayLengthPenalty, ForcedBosToken, ForcedEosToken, HammingDiversity,
    LogitNormalization, LogitsProcessor, MinLength, MinNewTokensLength, MinP, NoBadWords,
    NoRepeatNGram, RemoveInvalidValues, RepetitionPenalty, SequenceBias, Step, SuppressTokens,
    SuppressTokensAtBegin, Temperature, TopH, TopK, TopP, Typical,
};
use proptest::prelude::*;

const ENDS: [u32; 2] = [1, 4_000_000_000];

/// Processors that leave something of every row that has something.
fn sampling() -> impl Strategy<Value = Arc<dyn LogitsProcessor>> {
    fn shared(processor: impl LogitsProcessor + 'static) -> Arc<dyn LogitsProcessor> {
        Arc::new(processor)
    }
    (0usize..8, 0.001f64..0.999, 0usize..5).prop_map(|(kind, p, min_tokens_to_keep)| match kind {
        0 => shared(Temperature { temperature: p }),
        1 => shared(TopH { top_h: p }),
        2 => shared(TopK {
            top_k: min_tokens_to_keep,
        }),
        3 => shared(TopP {
            top_p: p,
            min_tokens_to_keep,
        }),
        4 => shared(MinP {
            min_p: p,
            min_tokens_to_keep,
        }),
        5 => shared(Typical {
            mass: p,
            min_tokens_to_keep,
        }),
        6 => shared(Epsilon {
            epsilon: p,
            min_tokens_to_keep,
        }),
        _ => shared(Eta {
            epsilon: p,
            min_tokens_to_keep,
        }),
    })
}

/// One of each of the others. `size` stands for every number, ids too.
fn others(size: u32) -> Vec<Arc<dyn LogitsProcessor>> {
    let count = size as usize;
    let ids = vec![size, 3];
    let eos_token_ids = ENDS.to_vec();
    let repeats =
        move |_: usize, prefix: &[u32]| vec![size, 2, prefix.last().copied().unwrap_or(0)];
    vec![
        Arc::new(SequenceBias {
            sequence_bias: [(ids.clone(), 1.5), (vec![], 1.0), (vec![size], -3.0)].into(),
        }),
        Arc::new(HammingDiversity {
            diversity_penalty: 0.5,
        }),
        Arc::new(EncoderRepetitionPenalty { penalty: 1.5 }),
        Arc::new(RepetitionPenalty { penalty: 1.5 }),
        Arc::new(NoRepeatNGram { ngram_size: count }),
        Arc::new(EncoderNoRepeatNGram { ngram_size: count }),
        Arc::new(NoBadWords {
            bad_words_ids: vec![ids.clone(), vec![], vec![size]],
        }),
        Arc::new(MinLength {
            min_length: count,
            eos_token_ids: eos_token_ids.clone(),
        }),
        Arc::new(MinNewTokensLength {
            prompt_length: count,
            min_new_tokens: 2,
            eos_token_ids: eos_token_ids.clone(),
        }),
        Arc::new(AllowedTokens {
            allowed_tokens: Arc::new(repeats),
            eos_token_ids: eos_token_ids.clone(),
        }),
        Arc::new(ForcedBosToken { bos_token_id: size }),
        Arc::new(ForcedEosToken {
            max_length: count,
            eos_token_ids: eos_token_ids.clone(),
        }),
        Arc::new(RemoveInvalidValues),
        Arc::new(ExponentialDecayLengthPenalty {
            regulation_start: 1,
            factor: 1e30,
            eos_token_ids,
        }),
        Arc::new(SuppressTokens {
            suppress_tokens: ids.clone(),
        }),
        Arc::new(SuppressTokensAtBegin {
            begin_suppress_tokens: ids,
            begin_index: count,
        }),
        Arc::new(LogitNormalization),
    ]
}

/// Scores with ties and removed ids; the first is a number.
fn scores(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f32>> {
    let score = prop_oneof![
        4 => -20f32..20.0,
        2 => (-8i8..8).prop_map(f32::from),
        1 => Just(f32::NEG_INFINITY),
    ];
    let rest = prop::collection::vec(score, sizes);
    (-8f32..8.0, rest).prop_map(|(first, mut scores)| {
        scores.push(first);
        scores
    })
}

fn step<'a>(input_ids: &'a [u32], prefixes: &'a [&'a [u32]]) -> Step<'a> {
    Step {
        input: 0,
        input_ids,
        prefixes,
        taken_by_other_groups: &[3, 5, 3, u32::MAX],
    }
}

fn processed(processor: &dyn LogitsProcessor, prefix: &[u32], scores: &[f32]) -> Vec<f32> {
    let mut scores = scores.to_vec();
    processor.process(&step(&[2, 3, 4, 2, 3, u32::MAX], &[prefix]), &mut scores);
    scores
}

/// The ids of the smallest `key` of probability and entropy that together reach `mass`, by sorting
/// all of them.
fn kept_by_full_sort(scores: &[f32], mass: f64, key: impl Fn(f64, f64) -> f64) -> BTreeSet<usize> {
    let weights = scores.iter().map(|&score| f64::from(score).exp());
    let sum: f64 = weights.clone().sum();
    let probabilities: Vec<f64> = weights.map(|weight| weight / sum).collect();
    let entropy = -probabilities.iter().map(|p| p * p.ln()).sum::<f64>();
    let key = |id: &usize| key(probabilities[*id], entropy);
    let mut ids: Vec<usize> = (0..scores.len()).collect();
    ids.sort_by(|a, b| key(a).total_cmp(&key(b)));
    let mut reached = 0.0;
    let enough = ids.iter().position(|id| {
        reached += probabilities[*id];
        reached >= mass
    });
    ids.truncate(enough.unwrap_or(ids.len()) + 1);
    ids.into_iter().collect()
}

fn kept(scores: &[f32]) -> BTreeSet<usize> {
    let ids = 0..scores.len();
    ids.filter(|&id| scores[id].is_finite()).collect()
}

proptest! {
    #[test]
    fn sampling_leaves_an_id_and_changes_none_that_stays(
        processor in sampling(),
        scores in scores(0..300),
    ) {
        let after = processed(processor.as_ref(), &[0], &scores);
        prop_assert!(after.iter().any(|score| score.is_finite()), "{processor:?}");
        let is_temperature = format!("{processor:?}").starts_with("Temperature");
        for (before, after) in scores.iter().zip(after) {
            prop_assert!(is_temperature || after == *before || after == f32::NEG_INFINITY);
        }
    }

    #[test]
    fn rows_together_are_rows_one_by_one(
        drawn in sampling(),
        rows in prop::collection::vec((prop::collection::vec(0u32..8, 6), scores(20..21)), 1..4),
    ) {
        let mut list = others(3);
        // It looks at all hypotheses of an input.
        list.retain(|processor| !format!("{processor:?}").starts_with("AllowedTokens"));
        list.push(drawn);
        let one_by_one: Vec<f32> = rows
            .iter()
            .flat_map(|(prefix, scores)| processed(&list, prefix, scores))
            .collect();
        let prefixes: Vec<_> = rows.iter().map(|(prefix, _)| prefix.as_slice()).collect();
        let mut together: Vec<f32> = rows.iter().flat_map(|(_, scores)| scores.clone()).collect();
        list.process(&step(&[2, 3, 4, 2, 3, u32::MAX], &prefixes), &mut together);
        prop_assert_eq!(together, one_by_one);
    }

    #[test]
    fn nothing_makes_a_processor_panic(
        drawn in sampling(),
        size: u32,
        prefix in prop::collection::vec(0u32.., 0..6),
        scores in prop::collection::vec(prop::num::f32::ANY, 0..40),
    ) {
        for size in [0, 1, 2, size, u32::MAX] {
            let mut list = others(size);
            list.push(drawn.clone());
            for processor in &list {
                processed(processor.as_ref(), &prefix, &scores);
                processor.process(&step(&[], &[]), &mut []);
            }
        }
    }

    #[test]
    fn many_scores_are_not_sorted_in_vain(
        mass in 0.05f64..0.95,
        spread in 0.01f32..3.0,
        scores in prop::collection::vec(-1f32..1.0, 1..3000),
    ) {
        let scores: Vec<_> = scores.into_iter().map(|score| score * spread).collect();
        let min_tokens_to_keep = 1;
        let nucleus = processed(&TopP { top_p: mass, min_tokens_to_keep }, &[0], &scores);
        let typical = processed(&Typical { mass, min_tokens_to_keep }, &[0], &scores);
        let expected = [
            kept_by_full_sort(&scores, mass, |p, _| -p),
            kept_by_full_sort(&scores, mass, |p, entropy| (-p.ln() - entropy).abs()),
        ];
        for (found, expected) in [nucleus, typical].iter().zip(expected) {
            // Rounding and equal ones may change the last.
            let others = kept(found).symmetric_difference(&expected).count();
            prop_assert!(others <= 2, "{others} of {}", expected.len());
        }
    }
}

#[test]
fn a_text_ends_where_no_id_is_allowed() {
    for answer in [vec![], vec![7, u32::MAX]] {
        let ends = AllowedTokens {
            allowed_tokens: Arc::new(move |_, _| answer.clone()),
            eos_token_ids: vec![1],
        };
        let removed = f32::NEG_INFINITY;
        let scores = [1.0, 2.0, 3.0];
        assert_eq!(processed(&ends, &[0], &scores), [removed, 2.0, removed]);
        let scores = [1.0, removed, 3.0];
        assert_eq!(processed(&ends, &[0], &scores), [removed, 0.0, removed]);
    }
}

#[test]
fn growth_without_bound_leaves_numbers() {
    let decay = ExponentialDecayLengthPenalty {
        regulation_start: 0,
        factor: 1e300,
        eos_token_ids: vec![0, 1, 2, 3],
    };
    let after = processed(&decay, &[0; 100], &[0.0, 2.0, -2.0, f32::NEG_INFINITY]);
    assert_eq!(after, [0.0, f32::MAX, f32::MAX, f32::NEG_INFINITY]);
}
