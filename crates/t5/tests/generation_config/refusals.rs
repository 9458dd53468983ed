//! What cannot be followed is named.

use lamplight_t5::GenerationConfig;
use serde_json::json;

use super::{read, refused_keys};

#[test]
fn everything_that_cannot_be_followed_is_named_at_once() {
    let error = read(json!({
        "use_cache": false, "guidance_scale": 1.5, "stop_strings": ["a"], "num_beems": 4,
        "top_k": -1, "early_stopping": "soon", "eos_token_id": "</s>", "num_beams": 4,
        "watermarking_config": {"bias": 2.5}, "min_p": true,
    }))
    .unwrap_err();
    let text = error.to_string();
    for value in [
        "false",
        "1.5",
        "[\"a\"]",
        "4",
        "-1",
        "\"soon\"",
        "{\"bias\":2.5}",
    ] {
        assert!(text.contains(value), "{value}: {text}");
    }
    let mut keys = refused_keys(error);
    keys.sort();
    let expected = [
        "early_stopping",
        "eos_token_id",
        "guidance_scale",
        "min_p",
        "num_beems",
        "stop_strings",
        "top_k",
        "use_cache",
        "watermarking_config",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn values_that_make_no_sense_are_refused_by_key() {
    for (key, config) in [
        ("max_new_tokens", json!({"max_new_tokens": 0})),
        ("max_new_tokens", json!({"max_new_tokens": u64::MAX})),
        ("max_length", json!({"max_length": u64::MAX / 2})),
        ("num_beams", json!({"num_beams": 0})),
        ("num_beams", json!({"num_beams": u64::MAX})),
        (
            "num_beam_groups",
            json!({"num_beams": 4, "num_beam_groups": 0}),
        ),
        (
            "num_beam_groups",
            json!({"num_beams": 4, "num_beam_groups": 3, "diversity_penalty": 1}),
        ),
        (
            "diversity_penalty",
            json!({"num_beams": 4, "num_beam_groups": 2}),
        ),
        (
            "do_sample",
            json!({"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1, "do_sample": true}),
        ),
        ("num_return_sequences", json!({"num_return_sequences": 2})),
        ("num_return_sequences", json!({"num_return_sequences": 0})),
        (
            "num_return_sequences",
            json!({"num_beams": 2, "num_return_sequences": 3}),
        ),
        ("top_k", json!({"penalty_alpha": 0.6, "top_k": 1})),
        ("penalty_alpha", json!({"penalty_alpha": 1.5})),
        ("temperature", json!({"do_sample": true, "temperature": 0})),
        ("temperature", json!({"do_sample": true, "temperature": -1})),
        ("top_p", json!({"do_sample": true, "top_p": 1.5})),
        ("min_p", json!({"do_sample": true, "min_p": -0.1})),
        ("top_h", json!({"do_sample": true, "top_h": 0})),
        ("typical_p", json!({"do_sample": true, "typical_p": 0})),
        (
            "epsilon_cutoff",
            json!({"do_sample": true, "epsilon_cutoff": 1}),
        ),
        (
            "eta_cutoff",
            json!({"do_sample": true, "eta_cutoff": -1e-3}),
        ),
        ("repetition_penalty", json!({"repetition_penalty": 0})),
        (
            "encoder_repetition_penalty",
            json!({"encoder_repetition_penalty": -2}),
        ),
        (
            "exponential_decay_length_penalty",
            json!({"exponential_decay_length_penalty": [1, 0]}),
        ),
        ("bad_words_ids", json!({"bad_words_ids": [[1], []]})),
        ("sequence_bias", json!({"sequence_bias": [[[], 1.0]]})),
        (
            "forced_bos_token_id",
            json!({"forced_bos_token_id": 3, "suppress_tokens": [3]}),
        ),
        (
            "forced_eos_token_id",
            json!({"forced_eos_token_id": [1, 2], "suppress_tokens": [2, 1]}),
        ),
        (
            "assistant_confidence_threshold",
            json!({"assistant_confidence_threshold": 2}),
        ),
        ("num_assistant_tokens", json!({"num_assistant_tokens": 0})),
    ] {
        let error = read(config.clone()).unwrap_err();
        let text = error.to_string();
        assert_eq!(refused_keys(error), [key], "{config}: {text}");
    }
}

#[test]
fn numbers_that_are_none_are_refused_wherever_they_stand() {
    let with = |change: fn(&mut GenerationConfig, f64)| {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut config = GenerationConfig::sample();
            change(&mut config, value);
            assert_eq!(refused_keys(config.validate().unwrap_err()).len(), 1);
        }
    };
    with(|config, value| config.temperature = value);
    with(|config, value| config.top_p = value);
    with(|config, value| config.min_p = Some(value));
    with(|config, value| config.top_h = Some(value));
    with(|config, value| config.typical_p = value);
    with(|config, value| config.epsilon_cutoff = value);
    with(|config, value| config.eta_cutoff = value);
    with(|config, value| config.length_penalty = value);
    with(|config, value| config.diversity_penalty = value);
    with(|config, value| config.penalty_alpha = Some(value));
    with(|config, value| config.repetition_penalty = value);
    with(|config, value| config.encoder_repetition_penalty = value);
    with(|config, value| config.assistant_confidence_threshold = value);
    with(|config, value| config.exponential_decay_length_penalty = Some((1, value)));
    with(|config, value| config.sequence_bias = vec![(vec![1], value)]);
}

#[test]
fn what_only_sampling_reads_may_be_off_where_nothing_is_drawn() {
    read(json!({"do_sample": false, "temperature": 0.0, "top_p": 0, "top_k": 0})).unwrap();
}

#[test]
fn ids_outside_the_vocabulary_are_refused_by_key() {
    let config = read(json!({
        "bad_words_ids": [[1, 60]], "sequence_bias": [[[61], 1.0]], "suppress_tokens": [62],
        "begin_suppress_tokens": [63], "forced_bos_token_id": 64, "forced_eos_token_id": 65,
        "pad_token_id": 66, "eos_token_id": [67], "decoder_start_token_id": 4_294_967_295u32,
    }))
    .unwrap();
    assert!(config.validate_ids(1 << 32).is_ok());
    let error = config.validate_ids(60).unwrap_err();
    assert!(error.to_string().contains("4294967295"), "{error}");
    assert_eq!(refused_keys(error).len(), 9);
}

#[test]
fn text_that_is_no_config_is_an_error() {
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(1_000), "]".repeat(1_000));
    for text in [
        "",
        "[]",
        "3",
        "{",
        "{\"top_p\": NaN}",
        "{\"top_p\": 1e400}",
        &deep,
    ] {
        assert!(GenerationConfig::from_json(text).is_err(), "{text}");
    }
    let long = read(json!({ "x": "é".repeat(1 << 16) })).unwrap_err();
    assert!(long.to_string().len() < 300);
}
