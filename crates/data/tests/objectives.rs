//! Objectives and loaders as training uses them: published lengths, and what must hold for any text and any seed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use lamplight_data::corpus::{Corpus, Progress};
use lamplight_data::loader::{
    Arrangement, Building, Cursor, DenoisingLoader, DenoisingSettings, ExampleSet, Loader,
    MaskedTokenLoader, MaskedTokenSettings, PairSet, TextToTextLoader, TextToTextSettings, Workers,
    World,
};
use lamplight_data::objective::denoising::{Denoiser, Lengths};
use lamplight_data::objective::iid_denoising::IidDenoising;
use lamplight_data::objective::mixture_of_denoisers::MixtureOfDenoisers;
use lamplight_data::objective::replaced_token_detection::{Masking, MaskingTokens};
use lamplight_data::objective::segment_pairs::Segments;
use lamplight_data::objective::span_corruption::SpanCorruption;
use lamplight_data::source::TextFile;
use lamplight_data::tokenizer::{Tokenizer, train};
use lamplight_data::{DataError, synthetic};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const FIRST_SENTINEL: u32 = 1_000_000;
const EOS: u32 = 999_999;

fn sentinel(index: usize) -> Option<u32> {
    u32::try_from(index)
        .ok()
        .map(|index| FIRST_SENTINEL + index)
}

/// The stretch behind each sentinel of a target; the index of a stretch is that of its sentinel.
fn spans(targets: &[u32]) -> Vec<Vec<u32>> {
    let mut spans: Vec<Vec<u32>> = Vec::new();
    for &id in targets {
        if id >= FIRST_SENTINEL {
            assert_eq!(
                id,
                FIRST_SENTINEL + spans.len() as u32,
                "sentinels count up from 0"
            );
            spans.push(Vec::new());
        } else {
            spans
                .last_mut()
                .expect("a target starts with a sentinel")
                .push(id);
        }
    }
    spans
}

/// The text that was corrupted, EOS taken off.
fn restored(inputs: &[u32], targets: &[u32]) -> Vec<u32> {
    let (inputs_eos, inputs) = inputs.split_last().unwrap();
    let (targets_eos, targets) = targets.split_last().unwrap();
    assert_eq!((*inputs_eos, *targets_eos), (EOS, EOS));
    let spans = spans(targets);
    let mut text = Vec::new();
    for &id in inputs {
        match id.checked_sub(FIRST_SENTINEL) {
            Some(index) => text.extend_from_slice(&spans[index as usize]),
            None => text.push(id),
        }
    }
    text
}

#[test]
fn lengths_match_the_published_table() {
    // Inputs; then mean span length, density, raw length, target length.
    let table = [
        (128, 3.0, 0.15, 141, 29),
        (128, 8.0, 0.15, 146, 26),
        (128, 3.0, 0.5, 190, 128),
        (128, 8.0, 0.5, 226, 128),
        (128, 64.0, 0.15, 149, 23),
        (128, 64.0, 0.5, 250, 128),
        (256, 3.0, 0.15, 284, 58),
        (256, 8.0, 0.15, 293, 51),
        (256, 3.0, 0.5, 382, 256),
        (256, 8.0, 0.5, 454, 256),
        (256, 64.0, 0.15, 299, 47),
        (256, 64.0, 0.5, 502, 256),
        (512, 3.0, 0.15, 568, 114),
        (512, 8.0, 0.15, 588, 100),
        (512, 3.0, 0.5, 766, 512),
        (512, 8.0, 0.5, 908, 512),
        (512, 64.0, 0.15, 600, 92),
        (512, 64.0, 0.5, 1006, 512),
        (64, 3.0, 0.15, 70, 14),
        (1024, 3.0, 0.15, 1137, 229),
    ];
    for (inputs, mean_span_length, noise_density, raw, targets) in table {
        let objective = SpanCorruption {
            noise_density,
            mean_span_length,
        };
        let expected = Lengths {
            raw,
            inputs,
            targets,
        };
        assert_eq!(
            objective.lengths(inputs).unwrap(),
            expected,
            "{objective:?}"
        );

        // Only here does the published count leave no room for the span that corruption makes.
        let is_short = (inputs, mean_span_length, noise_density) == (128, 64.0, 0.15);
        let needed = if is_short {
            Lengths {
                raw: 148,
                inputs: 128,
                targets: 24,
            }
        } else {
            expected
        };
        assert_eq!(
            objective.row_lengths(inputs).unwrap(),
            needed,
            "{objective:?}"
        );
        let tokens: Vec<u32> = (0..needed.raw as u32).collect();
        let rng = &mut ChaCha8Rng::seed_from_u64(0);
        let (corrupted, target) = objective.apply(&tokens, sentinel, EOS, rng).unwrap();
        assert_eq!(
            (corrupted.len(), target.len()),
            (inputs, needed.targets),
            "{objective:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn span_corruption_inverts_to_the_text(
        length in 2usize..600,
        noise_density in 0.0001f64..0.9999,
        mean_span_length in 1.0f64..80.0,
        seed: u64,
    ) {
        let objective = SpanCorruption { noise_density, mean_span_length };
        let text: Vec<u32> = (0..length as u32).collect();
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let (inputs, targets) = objective.apply(&text, sentinel, EOS, rng).unwrap();
        prop_assert_eq!(restored(&inputs, &targets), text);

        let noise = ((noise_density * length as f64).round_ties_even() as usize).clamp(1, length - 1);
        let wanted_spans = ((noise as f64 / mean_span_length).round_ties_even() as usize).max(1);
        let num_spans = wanted_spans.min(length - noise);
        prop_assert_eq!(objective.num_spans(length), num_spans);
        prop_assert_eq!(inputs.len(), length - noise + num_spans + 1);
        prop_assert_eq!(targets.len(), noise + num_spans + 1);
        let spans = spans(&targets[..targets.len() - 1]);
        prop_assert!(spans.iter().all(|span| !span.is_empty()));
        prop_assert!(inputs.windows(2).all(|pair| pair.iter().any(|&id| id < FIRST_SENTINEL)));
    }

    #[test]
    fn rows_hold_every_text_up_to_the_raw_length_and_none_much_longer(
        inputs_length in 3usize..700,
        noise_density in 0.01f64..0.9,
        mean_span_length in 1.0f64..80.0,
    ) {
        let objective = SpanCorruption { noise_density, mean_span_length };
        let lengths = objective.row_lengths(inputs_length).unwrap();
        let corrupted = |length: u32| {
            let text: Vec<u32> = (0..length).collect();
            let rng = &mut ChaCha8Rng::seed_from_u64(0);
            objective.apply(&text, sentinel, EOS, rng).unwrap()
        };
        for raw in [2, lengths.raw.div_ceil(2), lengths.raw - 1, lengths.raw] {
            let (inputs, targets) = corrupted(raw.max(2) as u32);
            prop_assert!(inputs.len() <= lengths.inputs && targets.len() <= lengths.targets);
        }
        prop_assert!(corrupted(lengths.raw as u32 + 2).0.len() >= lengths.inputs);
    }

    #[test]
    fn masked_positions_are_unique_ordinary_and_exactly_as_many_as_asked(
        words in prop::collection::vec(0u32..60, 1..300),
        mask_fraction in 0.01f64..0.6,
        keep_fraction in 0.0f64..=1.0,
        seed: u64,
    ) {
        let masking = Masking { mask_fraction, keep_fraction };
        let tokens = MaskingTokens { pad: 0, cls: 2, sep: 3, mask: 4 };
        let special = [0, 2, 3, 4];
        let ids: Vec<u32> = [vec![2], words, vec![3]].concat();
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let example = masking.apply(Segments::single(ids.clone()), &tokens, 128.max(ids.len()), rng);

        let ordinary = ids.iter().filter(|id| !special.contains(id)).count();
        let wanted = ((mask_fraction * ids.len() as f64).round_ties_even() as usize)
            .clamp(1, masking.max_masked(128.max(ids.len())));
        prop_assert_eq!(example.masked_positions.len(), wanted.min(ordinary));
        prop_assert!(example.masked_positions.windows(2).all(|pair| pair[0] < pair[1]));
        for (position, &id) in ids.iter().enumerate() {
            let chosen = example.masked_positions.contains(&(position as u32));
            let masked = example.masked_input_ids[position];
            prop_assert!(!chosen || !special.contains(&id));
            prop_assert!(masked == id || (chosen && masked == tokens.mask));
        }
        prop_assert_eq!(example.input_ids, ids);
    }
}

#[test]
fn fifteen_percent_of_chosen_positions_keep_their_token() {
    let tokens = MaskingTokens {
        pad: 0,
        cls: 2,
        sep: 3,
        mask: 4,
    };
    let rng = &mut ChaCha8Rng::seed_from_u64(9);
    let (mut chosen, mut kept, mut hits) = (0, 0, [0; 100]);
    for _ in 0..4000 {
        let example =
            Masking::default().apply(Segments::single((100..200).collect()), &tokens, 128, rng);
        for &position in &example.masked_positions {
            chosen += 1;
            hits[position as usize] += 1;
            kept += usize::from(example.masked_input_ids[position as usize] != tokens.mask);
        }
    }
    assert_eq!(chosen, 4000 * 15);
    let rate = kept as f64 / chosen as f64;
    assert!((rate - 0.15).abs() < 0.006, "{rate}");
    assert!(
        hits.iter().all(|hits| (500..700).contains(hits)),
        "{hits:?}"
    );
}

/// Documents whose every token occurs once, as ids of ByT5's bytes.
fn byte_corpus() -> Arc<Corpus> {
    let ids: Vec<u32> = (3..259).collect();
    Arc::new(Corpus::from_documents(
        ids.chunks(37).map(<[u32]>::to_vec).collect(),
    ))
}

fn span_loader(batch_size: usize, seed: u64) -> DenoisingLoader {
    let objective = SpanCorruption::default();
    let settings = DenoisingSettings {
        denoiser: Denoiser::SpanCorruption(objective),
        inputs_length: 14,
        batch_size,
    };
    DenoisingLoader::new(byte_corpus(), &Tokenizer::byt5(), settings, seed).unwrap()
}

/// The first batches of training.
fn first<E: ExampleSet>(loader: &Loader<E>, num_batches: usize) -> Vec<E::Batch> {
    let batches = loader.batches_from(&Cursor::default(), World::ALONE);
    let batches = batches.take(num_batches).map(|drawn| drawn.unwrap().batch);
    batches.collect()
}

fn word_tokenizer() -> Tokenizer {
    let texts: Vec<String> = (0..40)
        .map(|index| format!("lamp {index} lights the long road number {index}"))
        .collect();
    train::word_piece(&texts, 120).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_batches() {
    let batches = |seed| first(&span_loader(4, seed), 20);
    assert_eq!(batches(1), batches(1));
    assert_ne!(batches(1), batches(2));
}

#[test]
fn noise_does_not_depend_on_the_batch_an_example_falls_into() {
    let rows = |batch_size: usize| -> Vec<Vec<u32>> {
        first(&span_loader(batch_size, 3), 24 / batch_size)
            .into_iter()
            .flat_map(|batch| {
                let ids = batch.encoder_input_ids;
                (0..ids.rows)
                    .map(|row| ids.row(row).to_vec())
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    assert_eq!(rows(1), rows(4));
    assert_eq!(rows(1), rows(24));
}

#[test]
fn an_epoch_of_span_corruption_has_every_token_once() {
    let loader = span_loader(1, 8);
    let num_examples = loader.num_examples();
    assert_eq!(num_examples, 256_usize.div_ceil(loader.lengths().raw));
    let mut seen: Vec<u32> = first(&loader, num_examples)
        .into_iter()
        .flat_map(|batch| {
            [
                batch.encoder_input_ids.values,
                batch.decoder_target_ids.values,
            ]
            .concat()
        })
        .filter(|id| (3..259).contains(id))
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (3..259).collect::<Vec<_>>());
}

#[test]
fn evaluation_is_one_pass_that_is_the_same_each_time() {
    let loader = span_loader(4, 8);
    let batches = loader.evaluation_batches(usize::MAX).unwrap();
    let rows: usize = batches
        .iter()
        .map(|batch| batch.encoder_input_ids.rows)
        .sum();
    assert_eq!(rows, loader.num_examples());
    first(&loader, 1);
    assert_eq!(loader.evaluation_batches(usize::MAX).unwrap(), batches);
    assert_eq!(loader.evaluation_batches(2).unwrap(), batches[..2]);
}

#[test]
fn a_loader_checks_the_sentinels_it_will_need() {
    let objective = SpanCorruption {
        noise_density: 0.5,
        mean_span_length: 1.0,
    };
    let settings = DenoisingSettings {
        denoiser: Denoiser::SpanCorruption(objective),
        inputs_length: 512,
        batch_size: 1,
    };
    let error = DenoisingLoader::new(byte_corpus(), &Tokenizer::byt5(), settings, 0).err();
    assert!(
        matches!(
            error,
            Some(DataError::NotEnoughSentinels { sentinels: 125, .. })
        ),
        "{error:?}"
    );
}

#[test]
fn masked_batches_have_the_published_shape() {
    let tokenizer = word_tokenizer();
    let special = tokenizer.special().clone();
    let texts: Vec<String> = (0..60)
        .map(|index| format!("the lamp {index} lights the road"))
        .collect();
    let corpus = Arc::new(Corpus::from_texts(&texts, &tokenizer).unwrap());
    let masking = Masking::default();
    let settings = MaskedTokenSettings {
        masking,
        building: Building::Packed,
        sequence_length: 128,
        batch_size: 2,
    };
    let loader = MaskedTokenLoader::new(Arc::clone(&corpus), &tokenizer, settings, 0).unwrap();
    let batches = loader.evaluation_batches(usize::MAX).unwrap();
    let mut ordinary = Vec::new();
    for batch in &batches {
        assert_eq!(
            (batch.input_ids.columns, batch.masked_positions.columns),
            (128, 19)
        );
        for row in 0..batch.input_ids.rows {
            let real = batch
                .padding_mask
                .row(row)
                .iter()
                .filter(|&&padding| !padding)
                .count();
            let ids = &batch.input_ids.row(row)[..real];
            assert_eq!(
                (Some(ids[0]), ids.last().copied()),
                (special.cls, special.sep)
            );
            ordinary.extend(
                ids.iter()
                    .copied()
                    .filter(|&id| Some(id) != special.cls && Some(id) != special.sep),
            );
            let weight: f32 = batch.masked_weights.row(row).iter().sum();
            assert_eq!(
                weight as usize,
                ((real as f64 * 0.15).round_ties_even() as usize).clamp(1, 19)
            );
        }
    }
    assert_eq!(ordinary, corpus.documents().flatten().collect::<Vec<_>>());
}

#[test]
fn two_segments_are_told_apart_by_their_types() {
    let tokenizer = train::word_piece(synthetic::english(50, 3), 300).unwrap();
    let special = tokenizer.special().clone();
    let corpus = Corpus::from_texts(&synthetic::english(200, 4), &tokenizer).unwrap();
    let settings = MaskedTokenSettings {
        masking: Masking::default(),
        building: Building::SegmentPairs,
        sequence_length: 48,
        batch_size: 8,
    };
    let loader = MaskedTokenLoader::new(Arc::new(corpus), &tokenizer, settings, 1).unwrap();
    let mut num_pairs = 0;
    for batch in loader.evaluation_batches(usize::MAX).unwrap() {
        for row in 0..batch.input_ids.rows {
            let ids = batch.input_ids.row(row);
            let types = batch.token_type_ids.row(row);
            let is_sep = |&(_, &id): &(usize, &u32)| Some(id) == special.sep;
            let ends: Vec<usize> = ids
                .iter()
                .enumerate()
                .filter(is_sep)
                .map(|(at, _)| at)
                .collect();
            assert_eq!(Some(ids[0]), special.cls);
            assert!(types[..=ends[0]].iter().all(|&kind| kind == 0));
            if let [first, second] = ends[..] {
                num_pairs += 1;
                assert!(types[first + 1..=second].iter().all(|&kind| kind == 1));
                assert!(types[second + 1..].iter().all(|&kind| kind == 0));
            }
        }
    }
    let share = num_pairs as f64 / loader.num_examples() as f64;
    assert!((0.5..1.0).contains(&share), "{share}");
}

#[test]
fn every_denoiser_makes_rows_of_the_lengths_it_says() {
    let texts = synthetic::english(100, 5);
    let corpus = Arc::new(Corpus::from_texts(&texts, &Tokenizer::byt5()).unwrap());
    for denoiser in [
        Denoiser::SpanCorruption(SpanCorruption::default()),
        Denoiser::IidDenoising(IidDenoising::default()),
        Denoiser::PrefixLm,
        Denoiser::Deshuffling,
        Denoiser::MixtureOfDenoisers(MixtureOfDenoisers::default()),
    ] {
        let settings = DenoisingSettings {
            denoiser,
            inputs_length: 64,
            batch_size: 16,
        };
        let corpus = Arc::clone(&corpus);
        let loader = DenoisingLoader::new(corpus, &Tokenizer::byt5(), settings, 2).unwrap();
        let lengths = loader.lengths();
        assert!(lengths.inputs <= 64);
        for batch in first(&loader, 20) {
            let (inputs, targets) = (&batch.encoder_input_ids, &batch.decoder_target_ids);
            assert_eq!(
                (inputs.columns, targets.columns),
                (lengths.inputs, lengths.targets)
            );
            for row in 0..16 {
                // Both sides end in EOS: nothing was cut off.
                let last = |ids: &[u32]| ids.iter().rfind(|&&id| id != 0).copied();
                assert_eq!(last(inputs.row(row)), Some(1), "{denoiser:?}");
                assert_eq!(last(targets.row(row)), Some(1), "{denoiser:?}");
            }
        }
    }
}

#[test]
fn an_epoch_of_pairs_has_every_pair_once() {
    let pairs: Vec<(Vec<u32>, Vec<u32>)> =
        (2..50).map(|id| (vec![id, 1], vec![id, id, 1])).collect();
    let settings = TextToTextSettings {
        max_input_length: 8,
        max_target_length: 8,
        batch_size: 6,
        arrangement: Arrangement::default(),
    };
    let sets = Arc::new(vec![PairSet { pairs, rate: 1.0 }]);
    let loader = TextToTextLoader::new(sets, settings, 4).unwrap();
    let prefetch = loader.prefetch(&Cursor::default(), World::ALONE, Workers::default());
    let seen: BTreeSet<u32> = prefetch
        .unwrap()
        .take(8)
        .map(|drawn| drawn.unwrap().batch)
        .flat_map(|batch| {
            (0..6)
                .map(|row| batch.encoder_input_ids.row(row)[0])
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(seen, (2..50).collect());
}

/// A file of the given lines in a folder that lives as long as the first value.
fn file(name: &str, lines: &[&str]) -> (tempfile::TempDir, Vec<TextFile>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, lines.concat()).unwrap();
    (folder, vec![path.into()])
}

#[test]
fn a_few_bad_lines_are_skipped_and_counted() {
    let (_folder, paths) = file(
        "corpus.jsonl",
        &[
            "{\"text\": \"one\"}\n",
            "not json\n",
            "{\"text\": \"\"}\n",
            "{\"other\": 1}\n",
            "{\"text\": \"two\"}\n",
        ],
    );
    let mut last = Progress::default();
    let corpus = Corpus::read(&paths, &Tokenizer::byt5(), 0.1, &mut |progress| {
        last = progress
    })
    .unwrap();
    assert_eq!((corpus.num_documents(), corpus.skipped()), (2, 2));
    let size = fs::metadata(&paths[0].path).unwrap().len();
    assert_eq!(
        last,
        Progress {
            bytes_read: size,
            bytes_total: size,
            tokens: 6
        }
    );
}

#[test]
fn a_corpus_of_mostly_bad_lines_is_an_error_that_names_the_first() {
    let mut lines = vec!["{\"text\": \"fine\"}\n"; 50];
    lines.extend(["{\"text\": 3}\n"; 11]);
    let (_folder, paths) = file("corpus.jsonl", &lines);
    let error = Corpus::read(&paths, &Tokenizer::byt5(), 0.1, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("11 of 61") && error.contains("corpus.jsonl:51"),
        "{error}"
    );
}

#[test]
fn a_corpus_without_text_or_file_is_an_error_that_names_the_file() {
    let (_folder, mut paths) = file("empty.txt", &[]);
    let error = Corpus::read(&paths, &Tokenizer::byt5(), 0.1, &mut |_| {}).unwrap_err();
    assert!(
        matches!(error, DataError::NoText { .. }) && error.to_string().contains("empty.txt"),
        "{error}"
    );
    paths[0].path.set_file_name("missing.txt");
    let error = Corpus::read(&paths, &Tokenizer::byt5(), 0.1, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("missing.txt"), "{error}");
}
