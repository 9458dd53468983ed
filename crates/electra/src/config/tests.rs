#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn absurd_values_are_refused_by_key() {
    for (key, value) in [
        ("vocab_size", json!(0)),
        ("embedding_size", json!(1_u64 << 40)),
        ("hidden_size", json!(0)),
        ("num_hidden_layers", json!(0)),
        ("num_attention_heads", json!(0)),
        ("num_attention_heads", json!(3)),
        ("intermediate_size", json!(0)),
        ("max_position_embeddings", json!(0)),
        ("type_vocab_size", json!(0)),
        ("hidden_dropout_prob", json!(1.0)),
        ("attention_probs_dropout_prob", json!(-0.1)),
        ("classifier_dropout", json!(2)),
        ("initializer_range", json!(0.0)),
        ("layer_norm_eps", json!(-1.0)),
        ("pad_token_id", json!(30522)),
        ("hidden_act", json!("mish")),
        ("summary_activation", json!("mish")),
        ("summary_type", json!("mean")),
        ("summary_use_proj", json!(false)),
        ("position_embedding_type", json!("relative_key")),
        ("model_type", json!("bert")),
        ("is_decoder", json!(true)),
        ("tie_word_embeddings", json!(false)),
    ] {
        let error = ElectraConfig::from_json(&json!({ key: value }).to_string()).unwrap_err();
        assert!(error.to_string().contains(key), "{key}: {error}");
    }
}

#[test]
fn values_of_another_type_are_refused() {
    for text in [
        "",
        "[]",
        r#"{"vocab_size": "many"}"#,
        r#"{"hidden_size": -1}"#,
    ] {
        assert!(ElectraConfig::from_json(text).is_err(), "{text}");
    }
}

#[test]
fn missing_keys_are_those_of_small() {
    assert_eq!(
        ElectraConfig::from_json("{}").unwrap(),
        ElectraConfig::small()
    );
}

#[test]
fn unknown_keys_are_written_back() {
    let config = ElectraConfig::from_json(r#"{"task": {"a": 1}, "embedding_size": 64}"#).unwrap();
    let json = config.to_json("ElectraModel");
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["task"]["a"], 1);
    assert_eq!(value["embedding_size"], 64);
    assert_eq!(value["architectures"][0], "ElectraModel");
    let again = ElectraConfig::from_json(&json).unwrap();
    assert_eq!(again.to_json("ElectraModel"), json);
}

#[test]
fn generators_have_the_published_sizes() {
    for (discriminator, size, hidden, num_heads, d_ff) in [
        (ElectraConfig::small(), 0.25, 64, 1, 256),
        (ElectraConfig::base(), 1.0 / 3.0, 256, 4, 1024),
        (ElectraConfig::large(), 0.25, 256, 4, 1024),
    ] {
        let generator = discriminator.generator(size);
        generator.validate().unwrap();
        assert_eq!(generator.hidden_size, hidden);
        assert_eq!(generator.num_attention_heads, num_heads);
        assert_eq!(generator.intermediate_size, d_ff);
        assert_eq!(generator.num_hidden_layers, discriminator.num_hidden_layers);
        assert_eq!(generator.embedding_size, discriminator.embedding_size);
    }
}

#[test]
fn generators_of_any_size_are_valid() {
    for size in [0.0, 0.01, 0.1, 0.4, 0.77, 1.0, f64::NAN, -1.0] {
        ElectraConfig::base().generator(size).validate().unwrap();
    }
}

#[test]
fn labels_are_counted_and_named() {
    let labels = ["negative", "neutral", "positive"].map(str::to_owned);
    let config = ElectraConfig::small().with_labels(&labels);
    assert_eq!(config.num_labels(), 3);
    assert_eq!(config.extra["id2label"]["2"], "positive");
    assert_eq!(config.extra["label2id"]["neutral"], 1);
    assert_eq!(ElectraConfig::small().num_labels(), 2);
}
