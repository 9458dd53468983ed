#![allow(clippy::unwrap_used)]

mod scaled;

use std::path::Path;

use burn::module::list_param_ids;
use burn::tensor::Int;
use lamplight_layers::pretrained::{Value, collect};
use lamplight_t5::{Seq2SeqInput, T5Config, T5ForConditionalGeneration};
use lamplight_testing::test_device;

use burn_optim::GradientsParams;

use super::*;
use crate::recipe::Recipe;

/// Every kind, with keys that give each of its forms of state.
const KINDS: [&str; 8] = [
    "kind = \"adamw\"",
    "kind = \"adamw_scaled\"",
    "kind = \"electra_adam\"",
    "kind = \"adafactor\", min_dim_size_to_factor = 16",
    "kind = \"adafactor\", beta1 = 0.9, scale_parameter = false",
    "kind = \"muon\"",
    "kind = \"muon\", muon_ratio = \"original\", layer_decay = 0.8",
    "kind = \"sgd\", groups = [{ pattern = \"norm\", weight_decay = 0.1 }]",
];

fn settings(keys: &str) -> OptimizerSettings {
    let overrides = format!("optimizer={{ learning_rate = 0.01, weight_decay = 0.01, {keys} }}");
    Recipe::load("t5_tiny", &[overrides]).unwrap().1.optimizer
}

fn config() -> T5Config {
    T5Config {
        vocab_size: 20,
        d_model: 16,
        d_kv: 8,
        d_ff: 32,
        num_layers: 1,
        num_heads: 2,
        dropout_rate: 0.0,
        feed_forward_proj: Some("gated-gelu".to_owned()),
        tie_word_embeddings: Some(false),
        ..T5Config::default()
    }
}

fn new_model() -> T5ForConditionalGeneration {
    T5ForConditionalGeneration::new(&config(), &test_device().autodiff()).materialize()
}

fn new_optimizer(keys: &str, model: &T5ForConditionalGeneration) -> ModelOptimizer {
    let names = T5ForConditionalGeneration::names(model.config());
    ModelOptimizer::new(&settings(keys), names, model).unwrap()
}

/// A gradient for every parameter, another at each step.
fn gradients(model: &T5ForConditionalGeneration, step: usize) -> GradientsParams {
    let device = test_device().autodiff();
    let ids = |offset: i64| {
        let row = (0..6).map(|i| 2 + (offset + 7 * i + step as i64) % 18);
        let data: Vec<i64> = row.collect();
        Tensor::<1, Int>::from_ints(data.as_slice(), &device).reshape([1, 6])
    };
    let output = model.forward(Seq2SeqInput {
        input_ids: ids(3),
        padding_mask: ids(0).equal_scalar(0),
        decoder_input_ids: ids(5),
        decoder_padding_mask: None,
        segments: None,
    });
    GradientsParams::from_grads(output.logits.square().mean().backward(), model)
}

fn train(
    mut model: T5ForConditionalGeneration,
    optimizer: &mut ModelOptimizer,
    steps: std::ops::Range<usize>,
) -> T5ForConditionalGeneration {
    for step in steps {
        let gradients = gradients(&model, step);
        model = optimizer.step(0.01, model, gradients);
    }
    model
}

fn values(model: &T5ForConditionalGeneration, folder: &Path) -> Vec<u8> {
    model.save_pretrained(folder).unwrap();
    std::fs::read(folder.join("model.safetensors")).unwrap()
}

#[test]
fn resumed_optimizer_goes_on_bit_for_bit() {
    let device = test_device().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let start = new_model();
    start.save_pretrained(folder.path()).unwrap();
    let load = || T5ForConditionalGeneration::from_pretrained(folder.path(), &device).unwrap();
    for keys in KINDS {
        start.save_pretrained(folder.path()).unwrap();
        let model = load();
        let mut optimizer = new_optimizer(keys, &model);
        let model = train(model, &mut optimizer, 0..3);
        let halfway = values(&model, folder.path());
        let bytes = optimizer.state().to_safetensors().unwrap();

        let resumed = load();
        let mut other = new_optimizer(keys, &resumed);
        let state = OptimizerState::from_safetensors(&bytes).unwrap();
        other.load(state, &device).unwrap();
        assert_eq!(other.state().to_safetensors().unwrap().len(), bytes.len());
        assert_ne!(list_param_ids(&model), list_param_ids(&resumed));

        let uninterrupted = values(&train(model, &mut optimizer, 3..6), folder.path());
        let resumed = values(&train(resumed, &mut other, 3..6), folder.path());
        assert!(uninterrupted == resumed, "{keys}");
        assert!(uninterrupted != halfway, "{keys}");
    }
}

#[test]
fn state_of_a_fresh_optimizer_loads_too() {
    let model = new_model();
    let state = new_optimizer(KINDS[0], &model).state();
    let bytes = state.to_safetensors().unwrap();
    let state = OptimizerState::from_safetensors(&bytes).unwrap();
    assert!(state.tensors.is_empty() && state.counts.is_empty());
    assert_eq!(state.num_bytes(), 0);
    new_optimizer(KINDS[0], &model)
        .load(state, &test_device())
        .unwrap();
}

/// What loading says after `change` was made to a good state.
fn refusal(change: impl FnOnce(&mut OptimizerState)) -> String {
    let model = new_model();
    let mut optimizer = new_optimizer(KINDS[0], &model);
    let model = train(model, &mut optimizer, 0..1);
    let mut state = optimizer.state();
    change(&mut state);
    let before = optimizer.state().to_safetensors().unwrap();
    let error = optimizer.load(state, &test_device()).unwrap_err();
    drop(model);
    let after = optimizer.state().to_safetensors().unwrap();
    assert_eq!(
        OptimizerState::from_safetensors(&before).unwrap().tensors,
        OptimizerState::from_safetensors(&after).unwrap().tensors
    );
    error.to_string()
}

#[test]
fn entry_that_does_not_fit_is_named() {
    let missing = refusal(|state| drop(state.tensors.remove("lm_head.weight.second")));
    assert!(
        missing.contains("lacks `lm_head.weight.second`"),
        "{missing}"
    );
    let missing =
        refusal(|state| assert!(state.counts.remove("shared.weight.num_updates").is_some()));
    assert!(
        missing.contains("lacks `shared.weight.num_updates`"),
        "{missing}"
    );
    let misshapen = refusal(|state| {
        let data = state.tensors["shared.weight.first"].clone();
        state
            .tensors
            .insert("lm_head.weight.first".to_owned(), data);
    });
    assert!(misshapen.contains("`lm_head.weight.first`"), "{misshapen}");
    assert!(misshapen.contains("[20, 16]"), "{misshapen}");
    let foreign = refusal(|state| {
        let data = state.tensors["shared.weight.first"].clone();
        state.tensors.insert("other.weight.first".to_owned(), data);
    });
    assert!(foreign.contains("`other.weight.first`"), "{foreign}");
    let foreign = refusal(|state| assert!(state.untouched.insert("other.weight".to_owned())));
    assert!(foreign.contains("`other.weight`"), "{foreign}");
}

#[test]
fn state_of_another_kind_is_refused() {
    let model = new_model();
    let mut adafactor = new_optimizer("kind = \"adafactor\"", &model);
    let model = train(model, &mut adafactor, 0..1);
    let error = new_optimizer("kind = \"sgd\"", &model)
        .load(adafactor.state(), &test_device())
        .unwrap_err();
    assert!(error.to_string().contains("momentum.velocity"), "{error}");
}

#[test]
fn file_that_is_none_or_was_cut_off_is_refused() {
    let model = new_model();
    let mut optimizer = new_optimizer(KINDS[0], &model);
    train(model, &mut optimizer, 0..1);
    let bytes = optimizer.state().to_safetensors().unwrap();
    for length in [0, 7, 8, 100, bytes.len() - 1] {
        assert!(OptimizerState::from_safetensors(&bytes[..length]).is_err());
    }
    let text = String::from_utf8_lossy(&bytes);
    let position = text.find("lamplight-optimizer-1").unwrap();
    let mut later = bytes.clone();
    later[position + "lamplight-optimizer-".len()] = b'2';
    let error = OptimizerState::from_safetensors(&later)
        .unwrap_err()
        .to_string();
    assert!(error.contains("`lamplight-optimizer-2`"), "{error}");
}

#[test]
fn parameter_without_gradient_is_left_alone() {
    let model = new_model();
    let mut optimizer = new_optimizer(KINDS[0], &model);
    let model = optimizer.step(0.1, model, GradientsParams::new());
    assert!(optimizer.state().tensors.is_empty());
    drop(model);
}

#[test]
fn factor_that_leaves_no_learning_rate_names_the_parameter() {
    let model = new_model();
    let names = T5ForConditionalGeneration::names(model.config());
    let settings = settings("kind = \"adamw\", layer_decay = 1e-30");
    let error = ModelOptimizer::new(&settings, names, &model).err().unwrap();
    let error = error.to_string();
    assert!(error.contains("learning rate of `"), "{error}");
    assert!(error.contains("optimizer.layer_decay"), "{error}");
}

#[test]
fn group_scales_the_learning_rate_of_its_parameters_alone() {
    let folder = tempfile::tempdir().unwrap();
    let start = new_model();
    start.save_pretrained(folder.path()).unwrap();
    let changes = |keys: &str| {
        let device = test_device().autodiff();
        let model = T5ForConditionalGeneration::from_pretrained(folder.path(), &device).unwrap();
        let names = T5ForConditionalGeneration::names(model.config());
        let before = collect(&model, &names, &Value).unwrap();
        let mut optimizer = new_optimizer(keys, &model);
        let after = collect(&train(model, &mut optimizer, 0..1), &names, &Value).unwrap();
        let change = |name: &str| -> f32 {
            let pairs = after[name].values.iter().zip(&before[name].values);
            pairs.map(|(after, before)| (after - before).abs()).sum()
        };
        [change("lm_head.weight"), change("shared.weight")]
    };
    let [head, shared] = changes("kind = \"sgd\"");
    let group = "groups = [{ pattern = \"lm_head\", learning_rate_factor = 0.5 }]";
    let [halved, same] = changes(&format!("kind = \"sgd\", {group}"));
    assert!((halved / head - 0.5).abs() < 1e-2, "{halved} of {head}");
    assert_eq!(same, shared);
}
