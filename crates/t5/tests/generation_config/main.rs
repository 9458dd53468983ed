//! The keys of `generation_config.json`: what is read, written, followed and refused.
#![allow(clippy::unwrap_used)]

mod refusals;

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
