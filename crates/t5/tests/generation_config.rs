//! The keys of `generation_config.json`: what is read, written, followed and refused.
#![allow(clippy::unwrap_used)]

use std::fs;

use lamplight_t5::{
    AssistantTokensSchedule, EarlyStopping, GenerationConfig, GenerationError, Strategy,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(json: Value) -> Result<GenerationConfig, GenerationError> {
    GenerationConfig::from_json(&json.to_string())
}

/// The keys that the error names, without those that it names as the way out.
fn refused_keys(error: GenerationError) -> Vec<String> {
    match error {
        GenerationError::Config(problems) => problems.into_iter().map(|p| p.key).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn every_key_of_hugging_face_that_matters_is_read() {
    let keys = r#"{
        "max_length": 30, "max_new_tokens": 25, "min_length": 3, "min_new_tokens": 2,
        "early_stopping": "never", "do_sample": true, "num_beams": 4, "num_beam_groups": 1,
        "diversity_penalty": 0.5, "penalty_alpha": 0.6, "temperature": 0.7, "top_k": 10,
        "top_p": 0.9, "min_p": 0.05, "top_h": 0.4, "typical_p": 0.8, "epsilon_cutoff": 0.01,
        "eta_cutoff": 0.02, "repetition_penalty": 1.2, "encoder_repetition_penalty": 1.1,
        "length_penalty": -0.6, "no_repeat_ngram_size": 3, "encoder_no_repeat_ngram_size": 4,
        "bad_words_ids": [[5], [6, 7]], "sequence_bias": [[[8], 1.5], [[9, 10], -2]],
        "suppress_tokens": [11], "begin_suppress_tokens": [12], "forced_bos_token_id": 13,
        "forced_eos_token_id": 1, "remove_invalid_values": true,
        "exponential_decay_length_penalty": [5, 1.1], "renormalize_logits": true,
        "num_return_sequences": 2, "output_scores": true, "output_attentions": true,
        "pad_token_id": 0, "eos_token_id": [1, 2], "decoder_start_token_id": 0,
        "num_assistant_tokens": 5, "num_assistant_tokens_schedule": "heuristic_transient",
        "assistant_confidence_threshold": 0.3, "seed": 18446744073709551615
    }"#;
    let keys: Value = serde_json::from_str(keys).unwrap();
    let config = read(keys.clone()).unwrap();
    assert_eq!(config.early_stopping, EarlyStopping::Never);
    assert_eq!(config.sequence_bias[1], (vec![9, 10], -2.0));
    assert_eq!(config.forced_eos_token_id, [1]);
    assert_eq!(config.eos_token_id, [1, 2]);
    let schedule = AssistantTokensSchedule::HeuristicTransient;
    assert_eq!(config.num_assistant_tokens_schedule, schedule);
    let written: Value = serde_json::from_str(&config.to_json()).unwrap();
    for (key, value) in keys.as_object().unwrap() {
        // What is a default or has two spellings is written in another way.
        match key.as_str() {
            "num_beam_groups" => assert_eq!(written[key], Value::Null),
            "forced_eos_token_id" => assert_eq!(written[key], json!([1])),
            "sequence_bias" => assert_eq!(written[key], json!([[[8], 1.5], [[9, 10], -2.0]])),
            _ => assert_eq!(written[key], *value, "{key}"),
        }
    }
}

#[test]
fn an_empty_object_is_the_defaults_of_transformers() {
    let config = read(json!({})).unwrap();
    assert_eq!(config, GenerationConfig::greedy());
    assert_eq!((config.top_k, config.num_assistant_tokens), (50, 20));
    assert_eq!(config.length_limits(1).unwrap().max, 21);
    assert_eq!(config.to_json(), "{}\n");
}

#[test]
fn metadata_nulls_and_neutral_values_change_nothing() {
    let config = read(json!({
        "transformers_version": "5.23.0", "_from_model_config": true, "bos_token_id": 3,
        "return_dict_in_generate": true, "use_cache": true, "guidance_scale": 1,
        "output_hidden_states": false, "stop_strings": null, "max_length": null,
        "a_key_of_tomorrow": null, "assistant_lookbehind": 10,
    }));
    assert_eq!(config.unwrap(), GenerationConfig::default());
}

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

#[test]
fn the_folder_of_a_model_says_how_it_generates() {
    let folder = tempfile::tempdir().unwrap();
    let read = || GenerationConfig::from_pretrained(folder.path());
    assert_eq!(read().unwrap(), GenerationConfig::default());

    let model = json!({"d_model": 8, "use_cache": false, "num_beams": 4, "pad_token_id": 0,
        "task_specific_params": {"summarization": {"num_beams": 2}}, "bos_token_id": null});
    fs::write(folder.path().join("config.json"), model.to_string()).unwrap();
    let expected = GenerationConfig {
        pad_token_id: Some(0),
        ..GenerationConfig::beam(4)
    };
    assert_eq!(read().unwrap(), expected);

    let own = folder.path().join("generation_config.json");
    fs::write(&own, r#"{"eos_token_id": 1}"#).unwrap();
    assert_eq!(read().unwrap().eos_token_id, [1]);
    assert_eq!(read().unwrap().num_beams, 1);

    fs::write(&own, r#"{"eos": 1}"#).unwrap();
    let error = read().unwrap_err().to_string();
    assert!(
        error.contains("generation_config.json") && error.contains("`eos`"),
        "{error}"
    );
}

#[test]
fn the_keys_decide_the_strategy() {
    let beam_sampling = GenerationConfig::sample().num_beams(4);
    for (config, strategy) in [
        (GenerationConfig::greedy(), Strategy::Greedy),
        (GenerationConfig::sample(), Strategy::Sampling),
        (GenerationConfig::beam(4), Strategy::Beam),
        (GenerationConfig::beam(1), Strategy::Greedy),
        (beam_sampling, Strategy::BeamSampling),
        (
            GenerationConfig::diverse_beam(4, 2, 0.5),
            Strategy::DiverseBeam,
        ),
        (GenerationConfig::contrastive(0.6, 4), Strategy::Contrastive),
        (GenerationConfig::contrastive(0.0, 4), Strategy::Greedy),
    ] {
        config.validate().unwrap();
        assert_eq!(config.strategy(), strategy, "{config:?}");
    }
}

#[test]
fn new_tokens_do_not_count_the_prompt_and_go_first() {
    let limits = |config: GenerationConfig, prompt| {
        let limits = config.length_limits(prompt).unwrap();
        (limits.min, limits.max)
    };
    let lengths = GenerationConfig::greedy().max_length(10).min_length(4);
    assert_eq!(limits(lengths.clone(), 3), (4, 10));
    assert_eq!(
        limits(lengths.max_new_tokens(9).min_new_tokens(2), 3),
        (5, 12)
    );
    assert_eq!(limits(GenerationConfig::greedy(), 3), (0, 23));
    let error = GenerationConfig::greedy().max_length(3).length_limits(3);
    assert_eq!(refused_keys(error.unwrap_err()), ["max_length"]);
}

proptest! {
    #[test]
    fn a_config_is_read_back_as_it_was_written(
        max_new_tokens in prop::option::of(1usize..1 << 24),
        floats in prop::array::uniform4(0.001f64..1.0),
        early_stopping in 0usize..3,
        ids in prop::collection::vec(prop::collection::vec(0u32.., 1..4), 0..4),
        eos_token_id in prop::collection::vec(0u32.., 0..3),
        seed: u64,
    ) {
        let config = GenerationConfig {
            max_new_tokens,
            early_stopping: [false.into(), true.into(), EarlyStopping::Never][early_stopping],
            do_sample: true,
            temperature: floats[0],
            top_p: floats[1],
            min_p: Some(floats[2]),
            sequence_bias: ids.iter().map(|ids| (ids.clone(), -floats[3])).collect(),
            bad_words_ids: ids,
            eos_token_id,
            seed,
            ..GenerationConfig::default()
        };
        prop_assert_eq!(GenerationConfig::from_json(&config.to_json()).unwrap(), config);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "[{]?[\\[\\]{}\":,a-z0-9_ .-]{0,60}[}]?") {
        let _ = GenerationConfig::from_json(&text);
    }
}
