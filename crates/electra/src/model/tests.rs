#![allow(clippy::unwrap_used)]

use lamplight_testing::test_device;
use tempfile::tempdir;

use super::*;
use crate::{
    ElectraForMaskedLM, ElectraForMultipleChoice, ElectraForPreTraining,
    ElectraForQuestionAnswering, ElectraForSequenceClassification, ElectraForTokenClassification,
    MultipleChoiceInput,
};

pub(crate) fn tiny() -> ElectraConfig {
    ElectraConfig {
        vocab_size: 50,
        embedding_size: 8,
        hidden_size: 16,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 32,
        max_position_embeddings: 16,
        ..ElectraConfig::default()
    }
}

fn input(device: &Device) -> ElectraInput {
    ElectraInput {
        input_ids: Tensor::from_data([[2, 7, 8, 9, 3], [2, 30, 3, 0, 0]], device),
        padding_mask: Tensor::from_data([[false; 5], [false, false, false, true, true]], device),
        token_type_ids: Some(Tensor::from_data(
            [[0, 0, 1, 1, 1], [0, 0, 1, 0, 0]],
            device,
        )),
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

#[test]
fn discriminators_have_the_published_numbers_of_parameters() {
    let device = test_device();
    for (config, millions) in [
        (ElectraConfig::small(), 13.55),
        (ElectraConfig::base(), 109.48),
        (ElectraConfig::large(), 335.14),
    ] {
        let num_params = ElectraForPreTraining::new(&config, &device).num_params();
        let difference = num_params as f64 / 1e6 - millions;
        assert!(difference.abs() < 0.006, "{num_params}");
    }
}

#[test]
fn batch_equals_its_rows() {
    let device = test_device();
    let model = ElectraForPreTraining::new(&tiny(), &device);
    let together = model.forward(input(&device));
    for (row, length) in [(0, 5), (1, 3)] {
        let ElectraInput {
            input_ids,
            padding_mask,
            token_type_ids,
        } = input(&device);
        let alone = model.forward(ElectraInput {
            input_ids: input_ids.slice([row..row + 1, 0..length]),
            padding_mask: padding_mask.slice([row..row + 1, 0..length]),
            token_type_ids: token_type_ids.map(|ids| ids.slice([row..row + 1, 0..length])),
        });
        let expected = values(together.clone().slice([row..row + 1, 0..length]));
        for (alone, together) in values(alone).into_iter().zip(expected) {
            assert!((alone - together).abs() < 1e-5, "{alone} {together}");
        }
    }
}

#[test]
fn token_types_are_zero_where_none_are_given() {
    let device = test_device();
    let model = ElectraModel::new(&tiny(), &device);
    let none = ElectraInput {
        token_type_ids: None,
        ..input(&device)
    };
    let token_type_ids = Some(none.input_ids.zeros_like());
    let zeros = ElectraInput {
        token_type_ids,
        ..none.clone()
    };
    assert_eq!(values(model.forward(none)), values(model.forward(zeros)));
}

/// Saves and loads a model and compares what it computes.
macro_rules! assert_round_trip {
    ($model:ident, $device:expr, $logits:expr) => {{
        let folder = tempdir().unwrap();
        let labels = ["a", "b", "c"].map(str::to_owned);
        let model = $model::new(&tiny().with_labels(&labels), $device);
        model.save_pretrained(folder.path()).unwrap();
        let loaded = $model::from_pretrained(folder.path(), $device).unwrap();
        let logits = $logits;
        assert_eq!(
            values(logits(&model)),
            values(logits(&loaded)),
            stringify!($model)
        );
        let config = std::fs::read_to_string(folder.path().join("config.json")).unwrap();
        assert!(config.contains(stringify!($model)));
    }};
}

#[test]
fn saved_models_load_as_they_were() {
    let device = &test_device();
    assert_round_trip!(ElectraModel, device, |m: &ElectraModel| m
        .forward(input(device)));
    assert_round_trip!(
        ElectraForPreTraining,
        device,
        |m: &ElectraForPreTraining| m.forward(input(device))
    );
    assert_round_trip!(ElectraForMaskedLM, device, |m: &ElectraForMaskedLM| m
        .forward(input(device)));
    assert_round_trip!(
        ElectraForSequenceClassification,
        device,
        |m: &ElectraForSequenceClassification| m.forward(input(device))
    );
    assert_round_trip!(
        ElectraForTokenClassification,
        device,
        |m: &ElectraForTokenClassification| m.forward(input(device))
    );
    assert_round_trip!(
        ElectraForQuestionAnswering,
        device,
        |m: &ElectraForQuestionAnswering| m.forward(input(device)).end
    );
    let choices = || {
        let ElectraInput {
            input_ids,
            padding_mask,
            token_type_ids,
        } = input(device);
        MultipleChoiceInput {
            input_ids: input_ids.unsqueeze_dim(0),
            padding_mask: padding_mask.unsqueeze_dim(0),
            token_type_ids: token_type_ids.map(|ids| ids.unsqueeze_dim(0)),
        }
    };
    assert_round_trip!(
        ElectraForMultipleChoice,
        device,
        |m: &ElectraForMultipleChoice| m.forward(choices())
    );
}

#[test]
fn backbone_is_read_from_a_model_with_a_head() {
    let (device, folder) = (test_device(), tempdir().unwrap());
    let discriminator = ElectraForPreTraining::new(&tiny(), &device);
    discriminator.save_pretrained(folder.path()).unwrap();
    let backbone = ElectraModel::from_pretrained(folder.path(), &device).unwrap();
    let expected = values(discriminator.into_backbone().forward(input(&device)));
    assert_eq!(values(backbone.clone().forward(input(&device))), expected);

    let labels = ["a", "b", "c", "d"].map(str::to_owned);
    let classifier =
        ElectraForSequenceClassification::from_backbone(backbone.with_labels(&labels), &device);
    assert_eq!(classifier.forward(input(&device)).dims(), [2, 4]);
    assert_eq!(classifier.config().num_labels(), 4);
}

#[test]
fn truncated_weights_are_an_error() {
    let (device, folder) = (test_device(), tempdir().unwrap());
    ElectraForMaskedLM::new(&tiny(), &device)
        .save_pretrained(folder.path())
        .unwrap();
    let path = folder.path().join("model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = ElectraForMaskedLM::from_pretrained(folder.path(), &device).unwrap_err();
        assert!(
            matches!(error, PretrainedError::Damaged { .. }),
            "{length}: {error}"
        );
    }
}

/// What is wrong when the weights of one config are read with another.
fn misfit(saved: &ElectraConfig, read: &ElectraConfig) -> lamplight_layers::pretrained::Misfit {
    let (device, folder) = (test_device(), tempdir().unwrap());
    ElectraForPreTraining::new(saved, &device)
        .save_pretrained(folder.path())
        .unwrap();
    let config = read.to_json("ElectraForPreTraining");
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    match ElectraForPreTraining::from_pretrained(folder.path(), &device) {
        Err(PretrainedError::Misfit { misfit, .. }) => *misfit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn weights_that_do_not_fit_are_listed() {
    let shallow = ElectraConfig {
        num_hidden_layers: 1,
        ..tiny()
    };
    let missing = misfit(&shallow, &tiny()).missing;
    assert_eq!(missing.len(), 16);
    let query = "electra.encoder.layer.1.attention.self.query.weight".to_owned();
    assert!(missing.contains(&query), "{missing:?}");
    assert!(misfit(&tiny(), &shallow).unused.contains(&query));

    let wide = ElectraConfig {
        intermediate_size: 48,
        ..tiny()
    };
    let misshapen = misfit(&tiny(), &wide).misshapen;
    let dense = "electra.encoder.layer.0.intermediate.dense.weight".to_owned();
    assert!(
        misshapen.contains(&(dense, vec![32, 16], vec![48, 16])),
        "{misshapen:?}"
    );
}

#[test]
fn folder_without_weights_is_an_error() {
    let (device, folder) = (test_device(), tempdir().unwrap());
    let load = || ElectraForPreTraining::from_pretrained(folder.path(), &device).unwrap_err();
    assert!(matches!(load(), PretrainedError::Config(_)));
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    assert!(matches!(load(), PretrainedError::NoWeights(_)));
    std::fs::write(folder.path().join("config.json"), r#"{"hidden_size": 7}"#).unwrap();
    let error = load().to_string();
    assert!(
        error.contains("num_attention_heads") && error.contains("config.json"),
        "{error}"
    );
}

#[test]
#[should_panic(expected = "max_position_embeddings")]
fn input_beyond_the_position_table_panics_with_its_name() {
    let device = test_device();
    let input_ids = Tensor::<2, Int>::zeros([1, 17], &device);
    let padding_mask = input_ids.clone().not_equal_scalar(0);
    let input = ElectraInput {
        input_ids,
        padding_mask,
        token_type_ids: None,
    };
    ElectraModel::new(&tiny(), &device).forward(input);
}
