use super::*;

fn refused_key(json: Value) -> String {
    T5Config::from_json(&json.to_string())
        .unwrap_err()
        .to_string()
}

#[test]
fn absurd_values_are_refused_by_key() {
    for (key, value) in [
        ("d_model", json!(0)),
        ("d_model", json!(u64::MAX / 2)),
        ("num_layers", json!(1_000_000_000)),
        ("num_heads", json!(0)),
        ("vocab_size", json!(0)),
        ("dropout_rate", json!(1.0)),
        ("dropout_rate", json!(-0.1)),
        ("layer_norm_epsilon", json!(0.0)),
        ("feed_forward_proj", json!("gated-mish")),
        ("model_type", json!("longt5")),
        ("relative_attention_num_buckets", json!(1)),
        ("eos_token_id", json!(40_000)),
    ] {
        let error = refused_key(json!({ key: value }));
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn values_of_another_type_are_refused() {
    for text in [
        "",
        "[]",
        "{\"d_model\": \"512\"}",
        "{\"d_model\": -1}",
        "{\"num_layers\": 1e400}",
    ] {
        assert!(T5Config::from_json(text).is_err(), "{text}");
    }
}

#[test]
fn another_family_is_named_whatever_else_its_config_says() {
    let error = refused_key(json!({"model_type": "electra", "classifier_dropout": null}));
    assert!(error.contains("electra"), "{error}");
}

#[test]
fn deeply_nested_json_is_an_error() {
    let text = format!("{{\"a\": {}1{}}}", "[".repeat(1_000), "]".repeat(1_000));
    assert!(T5Config::from_json(&text).is_err());
}

#[test]
fn unknown_keys_are_written_back() {
    let config = T5Config::from_json(r#"{"task_specific_params": {"a": 1}}"#).unwrap();
    let json: Value = serde_json::from_str(&config.to_json("T5EncoderModel")).unwrap();
    assert_eq!(json["task_specific_params"]["a"], 1);
    assert_eq!(json["architectures"][0], "T5EncoderModel");
}
