//! Learning rates over the steps, and over the layers.

use lamplight_layers::pretrained::{Value, collect};
use lamplight_testing::{run_cases, test_device};
use lamplight_training::optimizer::ModelOptimizer;

use crate::optimizers::Parameters;
use crate::{recipe, report};

/// Learning rate, `[schedule]` and steps of the run; curves without an end go on past all that is
/// compared.
const SCHEDULES: [(&str, f64, &str, usize); 7] = [
    (
        "hf_constant_warmup_10",
        1.0,
        "kind = 'constant', warmup_steps = 10",
        1000,
    ),
    (
        "hf_linear_warmup_10_total_100",
        1.0,
        "kind = 'linear', warmup_steps = 10",
        100,
    ),
    (
        "hf_inverse_sqrt_warmup_10",
        1.0,
        "kind = 'inverse_sqrt', warmup_steps = 10",
        1000,
    ),
    (
        "hf_inverse_sqrt_warmup_10_timescale_40",
        1.0,
        "kind = 'inverse_sqrt', warmup_steps = 10, timescale = 40",
        1000,
    ),
    (
        "hf_cosine_warmup_10_total_100",
        1.0,
        "kind = 'cosine', warmup_fraction = 0.1",
        100,
    ),
    (
        "t5_rsqrt_no_ramp_20",
        0.223_606_797_749_978_97,
        "kind = 'inverse_sqrt_flat', warmup_steps = 20",
        1000,
    ),
    (
        "electra_peak_5e-4_warmup_10_total_100",
        5e-4,
        "kind = 'electra', warmup_steps = 10",
        100,
    ),
];

fn assert_curve(name: &str, curve: &[f64]) {
    let known = SCHEDULES.iter().find(|(known, ..)| *known == name);
    let (_, learning_rate, schedule, num_steps) =
        known.unwrap_or_else(|| panic!("no schedule for {name}"));
    let optimizer = format!("kind = 'adamw', learning_rate = {learning_rate:?}");
    let schedule = recipe(&optimizer, schedule, *num_steps).schedule();
    for (step, rate) in curve.iter().enumerate() {
        // Past the end of a run, where the reference's cosine would rise again, it stays where it is.
        let rate = if step > *num_steps {
            curve[*num_steps]
        } else {
            *rate
        };
        let difference = (schedule.at(step) - rate).abs();
        assert!(
            difference <= 1e-12,
            "{name}, step {step}: off by {difference}"
        );
    }
}

/// The factors of the layers of an ELECTRA, by depth: 0 for the embeddings, `i + 1` for layer `i`,
/// two more than the last layer for the head.
fn assert_layer_decay(name: &str, factors: &serde_json::Map<String, serde_json::Value>) {
    let (decay, num_layers) = name
        .strip_prefix("electra_layerwise_")
        .and_then(|rest| rest.split_once("_layers_"))
        .unwrap_or_else(|| panic!("no schedule for {name}"));
    let num_layers: usize = num_layers.parse().unwrap();
    let layer = |depth: usize| match depth {
        0 => "electra.embeddings.word_embeddings".to_owned(),
        depth if depth == num_layers + 2 => "classifier.dense".to_owned(),
        depth => format!("electra.encoder.layer.{}.output.dense", depth - 1),
    };
    let depths = factors
        .keys()
        .map(|key| key.trim_start_matches("depth_").parse().unwrap());
    let layers: Vec<String> = depths.map(layer).collect();
    let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
    let settings = recipe(
        &format!(
            "kind = 'sgd', learning_rate = 1.0, layer_decay = {decay}, layer_decay_gap = true"
        ),
        "kind = 'constant'",
        1,
    );
    let (model, names) = Parameters::ones(&layers, &test_device().autodiff());
    let mut optimizer = ModelOptimizer::new(&settings.optimizer, names.clone(), &model).unwrap();
    let gradients = model.uniform_gradients(1.0);
    let updated = collect(&optimizer.step(1.0, model, gradients), &names, &Value).unwrap();
    for (layer, factor) in layers.iter().zip(factors.values()) {
        let change = 1.0 - updated[&format!("{layer}.weight")].values[0];
        let difference = (f64::from(change) - factor.as_f64().unwrap()).abs();
        assert!(difference <= 1e-6, "{name}, {layer}: off by {difference}");
    }
}

#[test]
fn schedules_are_those_of_the_reference() {
    let mut ran = Vec::new();
    run_cases("schedules", |case| {
        let Ok(text) = std::fs::read_to_string(case.path.join("schedules.json")) else {
            return false;
        };
        let curves: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (name, curve) in curves.as_object().unwrap() {
            match curve {
                _ if name == "steps" => continue,
                serde_json::Value::Object(factors) => assert_layer_decay(name, factors),
                curve => {
                    let rates = curve.as_array().unwrap().iter();
                    let rates: Vec<f64> = rates.map(|rate| rate.as_f64().unwrap()).collect();
                    assert_curve(name, &rates);
                }
            }
            ran.push(name.clone());
        }
        true
    });
    report("schedules", &ran);
}
