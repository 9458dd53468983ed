//! Denoisers: what must hold for any text, any settings and any seed.
#![allow(clippy::unwrap_used)]

use lamplight_data::DataError;
use lamplight_data::objective::denoising::{Denoised, Denoiser, DenoisingTokens, ModeTokens};
use lamplight_data::objective::iid_denoising::IidDenoising;
use lamplight_data::objective::mixture_of_denoisers::MixtureOfDenoisers;
use lamplight_data::objective::span_corruption::SpanCorruption;
use lamplight_data::tokenizer::{Tokenizer, train};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const EOS: u32 = 999_999;
const FIRST_SENTINEL: u32 = 1_000_000;
const REGULAR: u32 = 2_000_000;
const SEQUENTIAL: u32 = 2_000_001;
const EXTREME: u32 = 2_000_002;

fn tokens(num_sentinels: u32) -> DenoisingTokens {
    DenoisingTokens {
        eos: EOS,
        sentinels: (FIRST_SENTINEL..FIRST_SENTINEL + num_sentinels).collect(),
        modes: ModeTokens {
            regular: vec![REGULAR],
            sequential: vec![SEQUENTIAL],
            extreme: vec![EXTREME],
        },
    }
}

fn apply(denoiser: &Denoiser, text: &[u32], tokens: &DenoisingTokens, seed: u64) -> Denoised {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    denoiser.apply(text, tokens, rng).unwrap()
}

fn without_eos(ids: &[u32]) -> &[u32] {
    let (last, rest) = ids.split_last().unwrap();
    assert_eq!(*last, EOS);
    rest
}

/// The text that sentinels were put into: each stands for what follows it in the targets, up to the next. None unless the
/// sentinels are the same on both sides, counted up from the first, and none stands for nothing.
fn restored(inputs: &[u32], targets: &[u32]) -> Option<Vec<u32>> {
    let mut runs = targets.chunk_by(|_, &next| next < FIRST_SENTINEL);
    let mut expected = FIRST_SENTINEL;
    let mut text = Vec::new();
    for &id in inputs {
        if id < FIRST_SENTINEL {
            text.push(id);
            continue;
        }
        let (&sentinel, run) = runs.next()?.split_first()?;
        if (id, sentinel) != (expected, expected) || run.is_empty() {
            return None;
        }
        text.extend_from_slice(run);
        expected += 1;
    }
    runs.next().is_none().then_some(text)
}

fn spans() -> impl Strategy<Value = SpanCorruption> {
    (0.01f64..0.95, 1.0f64..80.0).prop_map(|(noise_density, mean_span_length)| SpanCorruption {
        noise_density,
        mean_span_length,
    })
}

fn mixtures() -> impl Strategy<Value = MixtureOfDenoisers> {
    let share = || prop_oneof![Just(0.0), 0.1f64..4.0];
    (share(), share(), share())
        .prop_map(|(regular, sequential, extreme)| MixtureOfDenoisers {
            regular,
            sequential,
            extreme,
        })
        .prop_filter("a share", |mixture| mixture.validate().is_ok())
}

fn denoisers() -> impl Strategy<Value = Denoiser> {
    prop_oneof![
        spans().prop_map(Denoiser::SpanCorruption),
        (0.01f64..0.95)
            .prop_map(|noise_density| Denoiser::IidDenoising(IidDenoising { noise_density })),
        Just(Denoiser::PrefixLm),
        Just(Denoiser::Deshuffling),
        mixtures().prop_map(Denoiser::MixtureOfDenoisers),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn rows_hold_every_text_up_to_the_raw_length(
        denoiser in denoisers(),
        inputs_length in 4usize..600,
        seed: u64,
    ) {
        let tokens = tokens(600);
        let lengths = denoiser.row_lengths(inputs_length, &tokens).unwrap();
        prop_assert_eq!(lengths.inputs, inputs_length);
        for raw in [2, lengths.raw.div_ceil(2), lengths.raw - 1, lengths.raw] {
            let text: Vec<u32> = (0..raw.max(2) as u32).collect();
            let Denoised { inputs, targets } = apply(&denoiser, &text, &tokens, seed);
            prop_assert!(inputs.len() <= lengths.inputs, "{} {lengths:?}", inputs.len());
            prop_assert!(targets.len() <= lengths.targets, "{} {lengths:?}", targets.len());
        }
    }

    #[test]
    fn both_sides_together_have_every_token_once(
        denoiser in denoisers(),
        length in 2u32..600,
        seed: u64,
    ) {
        let text: Vec<u32> = (0..length).collect();
        let Denoised { inputs, targets } = apply(&denoiser, &text, &tokens(600), seed);
        let (inputs, targets) = (without_eos(&inputs), without_eos(&targets));
        prop_assert!(!inputs.is_empty() && !targets.is_empty());
        let shown = if denoiser == Denoiser::Deshuffling {
            prop_assert_eq!(targets, &text[..]);
            inputs.to_vec()
        } else {
            [inputs, targets].concat()
        };
        let mut shown: Vec<u32> = shown.into_iter().filter(|&id| id < EOS).collect();
        shown.sort_unstable();
        prop_assert_eq!(shown, text);
    }

    #[test]
    fn iid_denoising_inverts_to_the_text_however_few_sentinels_there_are(
        noise_density in 0.001f64..0.999,
        length in 2u32..400,
        num_sentinels in 1u32..120,
        seed: u64,
    ) {
        let denoiser = Denoiser::IidDenoising(IidDenoising { noise_density });
        let text: Vec<u32> = (0..length).collect();
        let Denoised { inputs, targets } = apply(&denoiser, &text, &tokens(num_sentinels), seed);
        let (inputs, targets) = (without_eos(&inputs), without_eos(&targets));
        prop_assert_eq!(restored(inputs, targets), Some(text));
        // Something is cut out and something is left.
        prop_assert!(targets.iter().any(|&id| id < EOS));
        prop_assert!(inputs.iter().any(|&id| id < EOS));
    }

    #[test]
    fn the_mode_token_says_what_a_mixture_did(length in 8u32..700, seed: u64) {
        let denoiser = Denoiser::MixtureOfDenoisers(MixtureOfDenoisers::default());
        let text: Vec<u32> = (0..length).collect();
        let Denoised { inputs, targets } = apply(&denoiser, &text, &tokens(600), seed);
        let (mode, inputs) = inputs.split_first().unwrap();
        let (inputs, targets) = (without_eos(inputs), without_eos(&targets));
        if *mode == SEQUENTIAL {
            prop_assert_eq!([inputs, targets].concat(), text);
            let quarter = (f64::from(length) / 4.0).round_ties_even() as usize;
            prop_assert_eq!(targets.len(), quarter);
            return Ok(());
        }
        prop_assert_eq!(restored(inputs, targets), Some(text));
        let num_spans = targets.iter().filter(|&&id| id > EOS).count();
        let num_noise = targets.len() - num_spans;
        let of_noise = |density: f64| (density * f64::from(length)).round_ties_even() as usize;
        let of_spans = |mean: f64| ((num_noise as f64 / mean).round_ties_even() as usize).max(1);
        let is_extreme = num_noise == of_noise(0.5) || num_spans == of_spans(64.0);
        match *mode {
            REGULAR => prop_assert!(
                num_noise == of_noise(0.15) && [of_spans(3.0), of_spans(8.0)].contains(&num_spans)
            ),
            EXTREME => prop_assert!(is_extreme),
            other => prop_assert!(false, "{other} is no mode token"),
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_example(denoiser in denoisers(), seed: u64) {
        let text: Vec<u32> = (0..300).collect();
        let tokens = tokens(300);
        prop_assert_eq!(
            apply(&denoiser, &text, &tokens, seed),
            apply(&denoiser, &text, &tokens, seed)
        );
    }
}

#[test]
fn texts_and_rows_that_are_too_short_are_errors() {
    let tokens = tokens(10);
    let denoisers = [
        Denoiser::SpanCorruption(SpanCorruption::default()),
        Denoiser::IidDenoising(IidDenoising::default()),
        Denoiser::PrefixLm,
        Denoiser::Deshuffling,
        Denoiser::MixtureOfDenoisers(MixtureOfDenoisers::default()),
    ];
    for denoiser in denoisers {
        assert!(denoiser.validate().is_ok());
        for text in [&[][..], &[5]] {
            let rng = &mut ChaCha8Rng::seed_from_u64(0);
            let error = denoiser.apply(text, &tokens, rng).unwrap_err();
            assert!(
                matches!(error, DataError::TextTooShort { .. }),
                "{denoiser:?}"
            );
        }
        for inputs_length in [0, 1] {
            let error = denoiser.row_lengths(inputs_length, &tokens).unwrap_err();
            assert!(
                matches!(
                    error,
                    DataError::InvalidSetting {
                        key: "inputs_length",
                        ..
                    }
                ),
                "{denoiser:?}"
            );
        }
    }
}

#[test]
fn only_spans_and_single_tokens_need_sentinels() {
    let spans = Denoiser::SpanCorruption(SpanCorruption::default());
    assert_eq!(spans.num_sentinels(568), 28);
    let mixture = Denoiser::MixtureOfDenoisers(MixtureOfDenoisers::default());
    assert_eq!(mixture.num_sentinels(568), 95);
    let iid = Denoiser::IidDenoising(IidDenoising::default());
    assert_eq!(iid.num_sentinels(511), 1);
    assert_eq!(Denoiser::PrefixLm.num_sentinels(512), 0);
    assert_eq!(Denoiser::Deshuffling.num_sentinels(511), 0);

    let rng = &mut ChaCha8Rng::seed_from_u64(0);
    let text: Vec<u32> = (0..100).collect();
    for denoiser in [spans, iid] {
        let error = denoiser.apply(&text, &tokens(0), rng).unwrap_err();
        assert!(matches!(
            error,
            DataError::NotEnoughSentinels { sentinels: 0, .. }
        ));
    }
    assert!(Denoiser::PrefixLm.apply(&text, &tokens(0), rng).is_ok());
}

#[test]
fn tokens_come_from_the_tokenizer() {
    let byt5 = Tokenizer::byt5();
    let tokens = DenoisingTokens::try_from(&byt5).unwrap();
    assert_eq!((tokens.eos, tokens.sentinels.len()), (1, 125));
    assert_eq!(tokens.sentinels[..2], [259, 260]);
    // A tokenizer without mode tokens writes them out.
    assert_eq!(
        byt5.decode(&tokens.modes.sequential, false).unwrap(),
        "[S2S]"
    );
    assert_eq!(byt5.decode(&tokens.modes.regular, false).unwrap(), "[NLU]");
    assert_eq!(byt5.decode(&tokens.modes.extreme, false).unwrap(), "[NLG]");

    let electra = train::word_piece(["a word"], 20).unwrap();
    assert!(matches!(
        DenoisingTokens::try_from(&electra),
        Err(DataError::MissingSpecialToken { token: "</s>" })
    ));
}

#[test]
fn mode_tokens_of_the_vocabulary_are_one_id() {
    let folder = tempfile::tempdir().unwrap();
    let trained = train::unigram(["the lamp is lit in the dark"], 130).unwrap();
    trained.save(folder.path()).unwrap();
    let path = folder.path().join("tokenizer.json");
    let json = std::fs::read_to_string(&path).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let added = json["added_tokens"].as_array_mut().unwrap();
    for (id, content) in (trained.vocab_size()..).zip(["[NLU]", "[S2S]", "[NLG]"]) {
        let mut token = added[0].clone();
        token["id"] = id.into();
        token["content"] = content.into();
        added.push(token);
    }
    std::fs::write(&path, json.to_string()).unwrap();
    let as_written = r#"{"tokenizer_class": "PreTrainedTokenizerFast"}"#;
    std::fs::write(folder.path().join("tokenizer_config.json"), as_written).unwrap();
    let tokenizer = Tokenizer::from_folder(folder.path()).unwrap();
    let modes = DenoisingTokens::try_from(&tokenizer).unwrap().modes;
    let names = [&modes.regular, &modes.sequential, &modes.extreme].map(|ids| {
        assert_eq!(ids.len(), 1, "{ids:?}");
        tokenizer.token(ids[0]).unwrap()
    });
    assert_eq!(names, ["[NLU]", "[S2S]", "[NLG]"]);
}
