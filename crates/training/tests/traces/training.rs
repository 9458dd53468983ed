//! Whole training runs: the batches are given, losses, norms, rates and weights are to be met.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, IndexingUpdateOp, Tensor};
use lamplight_electra::{
    ElectraForSequenceClassification, ElectraInput, ElectraPretraining, PretrainingInput, loss,
};
use lamplight_layers::loss::{cross_entropy, targets_and_weights};
use lamplight_t5::{Seq2SeqInput, T5ForConditionalGeneration};
use lamplight_testing::{Case, Expected, assert_close, run_cases, test_device};

use crate::recipe;
use crate::trace::{Trace, floats, has_rates, ints, scalar};

/// Hugging Face's label of a position without one.
const IGNORED: i64 = -100;
/// ELECTRA's id of `[MASK]` in the reference set.
const MASK: i64 = 4;
/// What a case trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    T5,
    ElectraPretraining,
    ElectraFineTuning,
}

/// The kind of a training run; none for a case that is no training run.
fn kind(case: &Case) -> Option<Kind> {
    let expected = case.expected();
    if !expected.has("grad_norm") {
        return None;
    }
    Some(match case.architecture().as_deref() {
        Some("T5ForConditionalGeneration") => Kind::T5,
        Some("ElectraForSequenceClassification") => Kind::ElectraFineTuning,
        None if expected.has("gumbel") => Kind::ElectraPretraining,
        other => panic!("{}: nothing trains {other:?}", case.name),
    })
}

fn t5_loss(
    model: &T5ForConditionalGeneration,
    expected: &Expected,
    step: usize,
    device: &Device,
) -> Tensor<1> {
    let labels = ints::<3, 2>(expected, "labels", step, device);
    let [batch, length] = labels.dims();
    let (targets, weights) = targets_and_weights(labels.flatten(0, 1), IGNORED);
    let shifted = (targets.clone().reshape([batch, length])).slice_dim(1, 0..length - 1);
    let start = Tensor::zeros([batch, 1], device);
    let output = model.forward(Seq2SeqInput {
        input_ids: ints::<3, 2>(expected, "input_ids", step, device),
        padding_mask: ints::<3, 2>(expected, "attention_mask", step, device).equal_scalar(0),
        decoder_input_ids: Tensor::cat(vec![start, shifted], 1),
        decoder_padding_mask: None,
        segments: None,
    });
    cross_entropy(output.logits.flatten(0, 1), targets, weights)
        .nll
        .mean()
}

#[test]
fn training_a_t5_follows_the_reference() {
    let device = test_device().autodiff();
    run_cases("T5 training", |case| {
        if kind(case) != Some(Kind::T5) {
            return false;
        }
        let expected = case.expected();
        let (recipe, clip_norm) = if has_rates(&expected) {
            let optimizer = "kind = 'adamw', learning_rate = 5e-3, epsilon = 1e-8, \
                groups = [{ pattern = '.', weight_decay = 0.01 }]";
            let schedule = "kind = 'linear', warmup_steps = 5";
            (recipe(optimizer, schedule, 50), Some(1.0))
        } else {
            let optimizer = "kind = 'adafactor', learning_rate = 1e-2, min_dim_size_to_factor = 1";
            (recipe(optimizer, "kind = 'relative_step'", 50), None)
        };
        let model = T5ForConditionalGeneration::from_pretrained(&case.path, &device).unwrap();
        let trace = Trace {
            expected: &expected,
            recipe,
            clip_norm,
            names: T5ForConditionalGeneration::names(model.config()),
            loss: &|model, step| t5_loss(model, &expected, step, &device),
        };
        let follow = |nudge: f32| {
            let model = model.clone().map(&mut Nudge(nudge));
            catch_unwind(AssertUnwindSafe(|| {
                trace.follow(model, str::to_owned);
            }))
        };
        if let Err(first) = follow(0.0) {
            NUDGES
                .into_iter()
                .find_map(|nudge| follow(nudge).ok())
                .unwrap_or_else(|| resume_unwind(first));
        }
        true
    });
}

/// What weights may be off by. The trace with ReLU has a unit at zero to 5e-7 in step 7: on which side it falls, and with
/// it every step after, is up to the rounding of a device. A fault misses the trace from each of these starts.
const NUDGES: [f32; 4] = [1.2e-7, -1.2e-7, 2.4e-7, -2.4e-7];

struct Nudge(f32);

impl ModuleMapper for Nudge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|weights| {
            let is_trained = weights.is_require_grad();
            Tensor::from_inner(weights.inner() * (1.0 + self.0)).set_require_grad(is_trained)
        })
    }
}

fn pretraining_input(expected: &Expected, step: usize, device: &Device) -> PretrainingInput {
    let ids = |name| ints::<3, 2>(expected, name, step, device);
    let input_ids = ids("input_ids");
    let positions = ids("positions");
    let weights: Tensor<2> = floats::<3, 2>(expected, "weights", step, device);
    // Chosen positions become [MASK] unless they are kept; the others keep their own ids.
    let is_chosen = weights.clone().greater_scalar(0.0);
    let is_masked = is_chosen.bool_and(ids("keep").bool().bool_not()).int();
    let own = input_ids.clone().gather(1, positions.clone());
    let change = (own.neg() + MASK) * is_masked;
    let zeros = Tensor::zeros(input_ids.dims(), device);
    let change = zeros.scatter(1, positions.clone(), change, IndexingUpdateOp::Add);
    PretrainingInput {
        masked_input_ids: input_ids.clone() + change,
        input_ids,
        padding_mask: ids("attention_mask").equal_scalar(0),
        token_type_ids: ids("token_type_ids"),
        masked_positions: positions,
        masked_weights: weights,
        gumbel: Some(floats::<4, 3>(expected, "gumbel", step, device)),
    }
}

/// Samples at positions that count, and the two terms of the loss, are those of the trace.
fn pretraining_loss(
    model: &ElectraPretraining,
    expected: &Expected,
    step: usize,
    device: &Device,
) -> Tensor<1> {
    let output = model.forward(pretraining_input(expected, step, device));
    let sampled: Vec<i64> = output.sampled_ids.try_into_vec_as().unwrap();
    let here = step * sampled.len()..(step + 1) * sampled.len();
    let expected_samples = &expected.ints("sampled_ids").1[here.clone()];
    let weights = &expected.floats("weights").1[here];
    for (cell, weight) in weights
        .iter()
        .enumerate()
        .filter(|(_, weight)| **weight > 0.0)
    {
        let (sample, expected) = (sampled[cell], expected_samples[cell]);
        assert_eq!(
            sample, expected,
            "step {step}, sample {cell} of weight {weight}"
        );
    }
    for (name, value) in [
        ("mlm_loss", output.mlm_loss),
        ("disc_loss", output.detection_loss),
    ] {
        let label = format!("{name} of step {step}");
        let trace = &expected.floats(name).1[step..=step];
        assert_close(&label, &[scalar(value)], trace, 1e-4, 0.0);
    }
    output.loss
}

#[test]
fn pretraining_an_electra_follows_the_reference() {
    let device = test_device().autodiff();
    run_cases("ELECTRA pre-training", |case| {
        if kind(case) != Some(Kind::ElectraPretraining) {
            return false;
        }
        let expected = case.expected();
        let optimizer = "kind = 'electra_adam', learning_rate = 3e-4, weight_decay = 0.01";
        let trace = Trace {
            expected: &expected,
            recipe: recipe(optimizer, "kind = 'electra', warmup_steps = 5", 60),
            clip_norm: Some(1.0),
            names: ElectraPretraining::names(),
            loss: &|model, step| pretraining_loss(model, &expected, step, &device),
        };
        let model = ElectraPretraining::from_pretrained(&case.path, &device).unwrap();
        trace.follow(model, |name| {
            name.replacen("generator.", "gen.", 1)
                .replacen("discriminator.", "disc.", 1)
        });
        true
    });
}

#[test]
fn fine_tuning_an_electra_by_layers_follows_the_reference() {
    let device = test_device().autodiff();
    run_cases("ELECTRA fine-tuning", |case| {
        if kind(case) != Some(Kind::ElectraFineTuning) {
            return false;
        }
        let expected = case.expected();
        let optimizer = "kind = 'electra_adam', learning_rate = 1e-3, weight_decay = 0.01, \
            layer_decay = 0.8, layer_decay_gap = true";
        let loss = |model: &ElectraForSequenceClassification, step: usize| {
            let ids = |name| ints::<3, 2>(&expected, name, step, &device);
            let logits = model.forward(ElectraInput {
                input_ids: ids("input_ids"),
                padding_mask: ids("attention_mask").equal_scalar(0),
                token_type_ids: Some(ids("token_type_ids")),
            });
            loss::sequence_loss(logits, ints::<2, 1>(&expected, "labels", step, &device)).mean()
        };
        let trace = Trace {
            expected: &expected,
            recipe: recipe(optimizer, "kind = 'electra', warmup_fraction = 0.1", 12),
            clip_norm: Some(1.0),
            names: ElectraForSequenceClassification::names(),
            loss: &loss,
        };
        let model = ElectraForSequenceClassification::from_pretrained(&case.path, &device);
        trace.follow(model.unwrap(), str::to_owned);
        true
    });
}
