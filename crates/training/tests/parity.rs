//! Optimizers, schedules and whole training runs against the reference set.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use burn_optim::{GradientsParams, ModuleOptimizer, Optimizer};
use lamplight_electra::{ElectraPretraining, PretrainingInput};
use lamplight_layers::loss::{cross_entropy, targets_and_weights};
use lamplight_layers::pretrained::{Value, collect};
use lamplight_t5::{Seq2SeqInput, T5ForConditionalGeneration};
use lamplight_testing::{Case, Expected, assert_close, run_cases, test_device};
use lamplight_training::gradients::clip_global_norm;
use lamplight_training::optimizer::{AdamW, AdamWConfig};
use lamplight_training::schedule::{Schedule, ScheduleKind};

/// Hugging Face's label of a position without one.
const IGNORED: i64 = -100;
/// ELECTRA's id of `[MASK]` in the reference set.
const MASK: i64 = 4;
/// All traces clip at this norm.
const CLIP_NORM: f64 = 1.0;
/// Rounding that fifty steps have amplified, in a parameter: the f64 runs of the reference drift as far.
const PARAMETER_NOISE: f32 = 5e-4;

const TORCH_ADAMW: AdamWConfig = AdamWConfig {
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    weight_decay: 0.01,
    bias_correction: true,
};
const ELECTRA_ADAM: AdamWConfig = AdamWConfig {
    betas: [0.9, 0.999],
    epsilon: 1e-6,
    weight_decay: 0.01,
    bias_correction: false,
};

/// Runs one parameter of an optimizer case through all its gradients.
fn assert_updates<const D: usize>(
    expected: &Expected,
    variant: &str,
    name: &str,
    config: AdamWConfig,
) {
    let device = test_device();
    let mut parameter = expected.float_tensor::<D>(&format!("start.{name}"), &device);
    let (shape, gradients) = expected.floats(&format!("grad.{name}"));
    let (_, history) = expected.floats(&format!("{variant}.{name}"));
    let width: usize = shape[1..].iter().product();
    let optimizer = AdamW::new(config);
    let mut state = None;
    for (step, gradient) in gradients.chunks(width).enumerate() {
        let gradient = Tensor::<1>::from_floats(gradient, &device).reshape(parameter.dims());
        (parameter, state) = optimizer.step(1e-2, parameter, gradient, state);
        let values: Vec<f32> = parameter.to_data().try_into_vec().unwrap();
        let label = format!("{variant}.{name} after step {}", step + 1);
        assert_close(
            &label,
            &values,
            &history[step * width..][..width],
            1e-5,
            1e-7,
        );
    }
}

fn assert_variant(expected: &Expected, variant: &str, config: AdamWConfig) {
    for name in expected.names("start.") {
        let name = name.trim_start_matches("start.");
        let is_spared =
            variant == "electra_adamw" && (name.contains("LayerNorm") || name.contains("bias"));
        let config = AdamWConfig {
            weight_decay: if is_spared { 0.0 } else { config.weight_decay },
            ..config
        };
        match expected.floats(&format!("start.{name}")).0.len() {
            1 => assert_updates::<1>(expected, variant, name, config),
            2 => assert_updates::<2>(expected, variant, name, config),
            rank => panic!("{name} has {rank} axes"),
        }
    }
}

#[test]
fn updates_are_those_of_the_reference() {
    run_cases("optimizers", |case| {
        let expected = case.expected();
        if expected.names("start.").next().is_none() {
            return false;
        }
        let adam = AdamWConfig {
            betas: [0.9, 0.98],
            epsilon: 1e-6,
            weight_decay: 0.0,
            bias_correction: true,
        };
        let variants = [
            ("adamw", TORCH_ADAMW),
            ("adam", adam),
            ("electra_adamw", ELECTRA_ADAM),
        ];
        for (variant, config) in variants {
            assert_variant(&expected, variant, config);
        }
        let known = |name: &&str| {
            let variant = name.split('.').next().unwrap_or_default();
            let others = ["start", "grad"].into_iter();
            !others
                .chain(variants.map(|(known, _)| known))
                .any(|known| known == variant)
        };
        let mut skipped: Vec<&str> = expected
            .names("")
            .filter(known)
            .map(|name| name.split('.').next().unwrap_or_default())
            .collect();
        skipped.dedup();
        println!(
            "{}: skipped, no such optimizer yet: {}",
            case.name,
            skipped.join(", ")
        );
        true
    });
}

fn reference_schedule(name: &str) -> Option<Schedule> {
    let (kind, learning_rate, warmup_steps) = match name {
        "hf_constant_warmup_10" => (ScheduleKind::Constant, 1.0, 10),
        "hf_linear_warmup_10_total_100" => (ScheduleKind::Linear, 1.0, 10),
        "hf_inverse_sqrt_warmup_10" => (ScheduleKind::InverseSqrt, 1.0, 10),
        "t5_rsqrt_no_ramp_20" => (ScheduleKind::InverseSqrtFlat, 20f64.sqrt().recip(), 20),
        "electra_peak_5e-4_warmup_10_total_100" => (ScheduleKind::Electra, 5e-4, 10),
        _ => return None,
    };
    Some(Schedule {
        kind,
        learning_rate,
        warmup_steps,
        num_steps: 100,
    })
}

#[test]
fn schedules_are_those_of_the_reference() {
    run_cases("schedules", |case| {
        let Ok(text) = std::fs::read_to_string(case.path.join("schedules.json")) else {
            return false;
        };
        let curves: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (name, curve) in curves.as_object().unwrap() {
            match (reference_schedule(name), curve.as_array()) {
                (Some(schedule), Some(curve)) => {
                    for (step, rate) in curve.iter().enumerate() {
                        let difference = (schedule.at(step) - rate.as_f64().unwrap()).abs();
                        assert!(
                            difference <= 1e-12,
                            "{name}, step {step}: off by {difference}"
                        );
                    }
                }
                _ if name == "steps" => {}
                _ => println!("{}: skipped, no such schedule yet: {name}", case.name),
            }
        }
        true
    });
}

/// One row of a trace that holds a tensor per step.
fn ints(expected: &Expected, name: &str, step: usize, device: &Device) -> Tensor<2, Int> {
    let stacked = expected.int_tensor::<3>(name, device);
    stacked.slice(step..step + 1).squeeze_dim(0)
}

fn floats<const D: usize, const E: usize>(
    expected: &Expected,
    name: &str,
    step: usize,
    device: &Device,
) -> Tensor<E> {
    let stacked = expected.float_tensor::<D>(name, device);
    stacked.slice(step..step + 1).squeeze_dim(0)
}

fn scalar(tensor: Tensor<1>) -> f32 {
    tensor.into_scalar::<f32>()
}

/// A training run of the reference: its batches are given, its trace is to be met.
struct Trace<'a, M> {
    expected: &'a Expected,
    optimizer: ModuleOptimizer,
    loss: &'a dyn Fn(&M, usize) -> Tensor<1>,
}

impl<M: Module> Trace<'_, M> {
    /// Trains through the whole trace, comparing loss, gradient norm and learning rate of each step.
    fn follow(mut self, mut model: M, schedule: Schedule) -> M {
        let trace = |name| self.expected.floats(name).1;
        let (losses, norms, rates) = (trace("loss"), trace("grad_norm"), trace("lr"));
        for step in 0..losses.len() {
            let loss = (self.loss)(&model, step);
            let label = |name: &str| format!("{name} of step {step}");
            assert_close(
                &label("loss"),
                &[scalar(loss.clone())],
                &losses[step..=step],
                1e-4,
                0.0,
            );
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            let (gradients, norm) = clip_global_norm(&model, gradients, CLIP_NORM);
            assert_close(
                &label("norm"),
                &[scalar(norm.unwrap())],
                &norms[step..=step],
                1e-3,
                0.0,
            );
            let rate = schedule.at(step);
            assert_close(
                &label("rate"),
                &[rate as f32],
                &rates[step..=step],
                1e-6,
                1e-12,
            );
            model = self.optimizer.step(rate, model, gradients);
        }
        model
    }
}

fn assert_final(expected: &Expected, prefix: &str, name: &str, shape: &[usize], values: &[f32]) {
    let name = format!("final.{prefix}{name}");
    let (expected_shape, expected) = expected.floats(&name);
    assert_eq!(shape, expected_shape, "shape of `{name}`");
    assert_close(&name, values, expected, 1e-3, PARAMETER_NOISE);
}

/// A T5 trained on labels by an optimizer that has a learning rate (Adafactor's traces have none).
fn is_t5_adamw_trace(case: &Case, expected: &Expected) -> bool {
    let is_t5 = case.config("")["model_type"].as_str() == Some("t5");
    is_t5
        && expected.has("labels")
        && expected.has("lr")
        && expected.floats("lr").1.iter().any(|rate| *rate > 0.0)
}

#[test]
fn training_a_t5_follows_the_reference() {
    let device = test_device().autodiff();
    run_cases("T5 training", |case| {
        let expected = case.expected();
        if !is_t5_adamw_trace(case, &expected) {
            if expected.has("grad_norm") && !expected.has("gumbel") {
                println!(
                    "{}: skipped, its optimizer or model is not trained here yet",
                    case.name
                );
            }
            return false;
        }
        let loss = |model: &T5ForConditionalGeneration, step: usize| {
            let labels = ints(&expected, "labels", step, &device);
            let (targets, weights) = targets_and_weights(labels.clone().flatten(0, 1), IGNORED);
            let [batch, length] = labels.dims();
            let shifted = targets
                .clone()
                .reshape([batch, length])
                .slice([0..batch, 0..length - 1]);
            let start = Tensor::zeros([batch, 1], &device);
            let logits = model.forward(Seq2SeqInput {
                input_ids: ints(&expected, "input_ids", step, &device),
                padding_mask: ints(&expected, "attention_mask", step, &device).equal_scalar(0),
                decoder_input_ids: Tensor::cat(vec![start, shifted], 1),
                decoder_padding_mask: None,
            });
            cross_entropy(logits.logits.flatten(0, 1), targets, weights)
                .nll
                .mean()
        };
        let trace = Trace {
            expected: &expected,
            optimizer: TORCH_ADAMW.init(),
            loss: &loss,
        };
        let model = T5ForConditionalGeneration::from_pretrained(&case.path, &device).unwrap();
        let schedule = Schedule {
            kind: ScheduleKind::Linear,
            learning_rate: 5e-3,
            warmup_steps: 5,
            num_steps: 50,
        };
        let model = trace.follow(model, schedule);
        let names = T5ForConditionalGeneration::names(model.config());
        for (name, parameter) in collect(&model, &names, &Value).unwrap() {
            assert_final(&expected, "", &name, &parameter.shape, &parameter.values);
        }
        true
    });
}

fn electra_input(expected: &Expected, step: usize, device: &Device) -> PretrainingInput {
    let input_ids = ints(expected, "input_ids", step, device);
    let positions = ints(expected, "positions", step, device);
    let weights: Tensor<2> = floats::<3, 2>(expected, "weights", step, device);
    // Chosen positions become [MASK] unless they are kept; the others keep their own ids.
    let is_kept = ints(expected, "keep", step, device).bool();
    let is_masked = weights
        .clone()
        .greater_scalar(0.0)
        .bool_and(is_kept.bool_not())
        .int();
    let own = input_ids.clone().gather(1, positions.clone());
    let change = (own.neg() + MASK) * is_masked;
    let zeros = Tensor::zeros(input_ids.dims(), device);
    let change = zeros.scatter(
        1,
        positions.clone(),
        change,
        burn::tensor::IndexingUpdateOp::Add,
    );
    PretrainingInput {
        masked_input_ids: input_ids.clone() + change,
        input_ids,
        padding_mask: ints(expected, "attention_mask", step, device).equal_scalar(0),
        token_type_ids: ints(expected, "token_type_ids", step, device),
        masked_positions: positions,
        masked_weights: weights,
        gumbel: Some(floats::<4, 3>(expected, "gumbel", step, device)),
    }
}

#[test]
fn pretraining_an_electra_follows_the_reference() {
    let device = test_device().autodiff();
    run_cases("ELECTRA pre-training", |case| {
        let expected = case.expected();
        if !(expected.has("gumbel") && expected.has("grad_norm")) {
            return false;
        }
        let loss = |model: &ElectraPretraining, step: usize| {
            let output = model.forward(electra_input(&expected, step, &device));
            let sampled: Vec<i64> = output.sampled_ids.try_into_vec_as().unwrap();
            let (_, expected_samples) = expected.ints("sampled_ids");
            let weights = expected.floats("weights").1;
            let width = sampled.len();
            for (cell, sample) in sampled.iter().enumerate() {
                if weights[step * width + cell] > 0.0 {
                    assert_eq!(
                        *sample,
                        expected_samples[step * width + cell],
                        "step {step}, sample {cell}"
                    );
                }
            }
            for (name, value) in [
                ("mlm_loss", output.mlm_loss),
                ("disc_loss", output.detection_loss),
            ] {
                let trace = &expected.floats(name).1[step..=step];
                assert_close(
                    &format!("{name} of step {step}"),
                    &[scalar(value)],
                    trace,
                    1e-4,
                    0.0,
                );
            }
            output.loss
        };
        let trace = Trace {
            expected: &expected,
            optimizer: ELECTRA_ADAM.init_sparing_norms(),
            loss: &loss,
        };
        let model = ElectraPretraining::from_pretrained(&case.path, &device).unwrap();
        let schedule = Schedule {
            kind: ScheduleKind::Electra,
            learning_rate: 3e-4,
            warmup_steps: 5,
            num_steps: 60,
        };
        let model = trace.follow(model, schedule);
        for (name, parameter) in collect(&model, &ElectraPretraining::names(), &Value).unwrap() {
            let name =
                name.replacen("generator.", "gen.", 1)
                    .replacen("discriminator.", "disc.", 1);
            assert_final(&expected, "", &name, &parameter.shape, &parameter.values);
        }
        true
    });
}
