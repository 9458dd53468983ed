//! Folders that a pipeline refuses.

use std::path::Path;

use burn::tensor::Device;
use lamplight_data::DataError;
use lamplight_electra::{ElectraConfig, ElectraForPreTraining, ElectraForSequenceClassification};
use lamplight_pipelines::{
    Answerer, Classifier, Detector, Embedder, MaskFiller, PipelineError, SpanFiller, Summarizer,
    Tagger, TextToText, Translator, ZeroShotClassifier,
};
use lamplight_testing::test_device;
use serde_json::json;

use crate::case::{changed, folder};

type Refusal = fn(&Path, &Device) -> Option<PipelineError>;

macro_rules! refusal {
    ($pipeline:ty) => {
        |folder, device| <$pipeline>::from_pretrained(folder, device).err()
    };
}

/// Pipeline, a folder of the other family, a folder of another head.
const PIPELINES: [(&str, Refusal, &str, &str); 8] = [
    ("SpanFiller", refusal!(SpanFiller), "detect", "t5_tag"),
    ("Summarizer", refusal!(Summarizer), "tag", "t5_classify"),
    ("TextToText", refusal!(TextToText), "answer", "t5_classify"),
    ("Translator", refusal!(Translator), "answer", "t5_tag"),
    (
        "ZeroShotClassifier",
        refusal!(ZeroShotClassifier),
        "fill_mask",
        "t5_tag",
    ),
    ("Answerer", refusal!(Answerer), "t5", "tag"),
    ("Detector", refusal!(Detector), "t5", "fill_mask"),
    ("MaskFiller", refusal!(MaskFiller), "t5_tag", "detect"),
];

/// Pipeline, a folder of another head.
const BOTH_FAMILIES: [(Refusal, &str); 5] = [
    (refusal!(Embedder), "t5_classify"),
    (refusal!(Classifier), "tag"),
    (refusal!(Classifier), "t5_tag"),
    (refusal!(Tagger), "classify"),
    (refusal!(Tagger), "t5_classify"),
];

#[test]
fn a_model_of_the_other_family_is_refused_by_folder_type_and_pipeline() {
    for (pipeline, refusal, other_family, _) in PIPELINES {
        let folder = folder(other_family);
        let error = refusal(&folder, &test_device()).unwrap();
        let is_refused = matches!(error, PipelineError::WrongFamily { .. });
        assert!(is_refused, "{pipeline}: {error}");
        let message = error.to_string();
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        let model_type = format!("`{}`", config["model_type"].as_str().unwrap());
        for part in [pipeline, folder.to_str().unwrap(), &model_type] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
    // These take both families, so that only a third is of another one.
    for (refusal, other) in BOTH_FAMILIES {
        let copy = changed(other, |config| config["model_type"] = json!("bert"));
        let message = refusal(copy.path(), &test_device()).unwrap().to_string();
        for part in ["`bert`", "t5, mt5 or umt5 or electra"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[test]
fn a_model_with_another_head_is_refused_by_its_architecture() {
    for (pipeline, refusal, _, other_head) in PIPELINES {
        let error = refusal(&folder(other_head), &test_device()).unwrap();
        assert!(matches!(error, PipelineError::WrongHead { .. }), "{error}");
        assert!(error.to_string().contains(pipeline), "{error}");
    }
    for (refusal, other_head) in BOTH_FAMILIES {
        let error = refusal(&folder(other_head), &test_device()).unwrap();
        assert!(matches!(error, PipelineError::WrongHead { .. }), "{error}");
    }
}

#[test]
fn labels_that_are_not_numbered_from_zero_are_refused() {
    let unnumbered = json!({"1": "a", "2": "b", "3": "c"});
    for (name, labels) in [("classify", unnumbered), ("rate", json!({}))] {
        let copy = changed(name, |config| config["id2label"] = labels);
        let error = Classifier::from_pretrained(copy.path(), &test_device()).unwrap_err();
        assert!(
            matches!(error, PipelineError::Labels { id: 0, .. }),
            "{error}"
        );
    }
}

#[test]
fn a_folder_without_a_tokenizer_is_refused() {
    let copy = changed("detect", |_| {});
    std::fs::remove_file(copy.path().join("tokenizer.json")).unwrap();
    let error = Detector::from_pretrained(copy.path(), &test_device()).unwrap_err();
    let is_named = matches!(
        error,
        PipelineError::Tokenizer(DataError::NoTokenizer { .. })
    );
    assert!(is_named, "{error}");
}

#[test]
fn a_tokenizer_with_more_ids_than_the_model_has_rows_is_refused_before_anything_runs() {
    let copy = changed("detect", |config| config["vocab_size"] = json!(20));
    let error = Detector::from_pretrained(copy.path(), &test_device()).unwrap_err();
    let is_found = matches!(
        error,
        PipelineError::TokenizerTooLarge { vocab_size: 20, .. }
    );
    assert!(is_found, "{error}");
}

#[test]
fn a_folder_that_is_none_is_an_error() {
    assert!(Detector::from_pretrained("nowhere".as_ref(), &test_device()).is_err());
}

#[test]
fn pairs_are_refused_where_the_model_does_not_tell_their_parts_apart() {
    let device = test_device();
    let copy = changed("classify", |config| config["type_vocab_size"] = json!(1));
    let config = ElectraConfig::from_file(&copy.path().join("config.json")).unwrap();
    let model = ElectraForSequenceClassification::new(&config, &device);
    model.save_pretrained(copy.path()).unwrap();
    let classifier = Classifier::from_pretrained(copy.path(), &device).unwrap();
    assert!(classifier.classify(&["a text"]).is_ok());
    let error = classifier.classify_pairs(&[("a text", "another")]);
    let error = error.unwrap_err();
    assert!(
        matches!(error, PipelineError::TokenType { token_type: 1, .. }),
        "{error}"
    );
}

#[test]
fn a_model_without_room_for_a_token_refuses_texts() {
    let device = test_device();
    let copy = changed("detect", |config| {
        config["max_position_embeddings"] = json!(2)
    });
    let config = ElectraConfig::from_file(&copy.path().join("config.json")).unwrap();
    let model = ElectraForPreTraining::new(&config, &device);
    model.save_pretrained(copy.path()).unwrap();
    let detector = Detector::from_pretrained(copy.path(), &device).unwrap();
    let error = detector.detect(&["", "a cat"]).unwrap_err();
    assert!(
        matches!(error, PipelineError::TooLong { text: 1, .. }),
        "{error}"
    );
    let embedder = Embedder::from_pretrained(copy.path(), &device).unwrap();
    assert!(embedder.embed(&["", "a cat"]).is_ok());
}
