//! A training step in half precision, and one that recomputes its blocks, beside the plain one.
#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Device, Distribution, Int, Tensor};
use lamplight_layers::initializer::draw_all;
use lamplight_layers::loss::{States, label_loss};
use lamplight_layers::precision::Precision;
use lamplight_layers::recompute::Tape;
use lamplight_t5::{Seq2SeqInput, Seq2SeqPass, T5Config, T5ForConditionalGeneration};
use lamplight_testing::{
    BF16_STEP, Case, Expected, F32_STEP, Step, compiles_kernels, drawing, run_cases, test_device,
};

/// An encoder-decoder with labels.
fn has_loss(case: &Case) -> bool {
    let is_generation = case
        .architecture()
        .is_some_and(|name| name.ends_with("T5ForConditionalGeneration"));
    is_generation && {
        let expected = case.expected();
        let has_gradients = expected.names("grad.").next().is_some();
        expected.has("logits") && expected.has("labels") && (!compiles_kernels() || has_gradients)
    }
}

fn step(
    model: &T5ForConditionalGeneration,
    expected: &Expected,
    device: &Device,
    tape: Tape,
) -> Step {
    let input = Seq2SeqInput {
        input_ids: expected.int_tensor("input_ids", device),
        padding_mask: expected.padding_mask("attention_mask", device),
        decoder_input_ids: expected.int_tensor("decoder_input_ids", device),
        decoder_padding_mask: None,
        segments: None,
    };
    device.seed(7);
    let logits = model.forward_by(input, Seq2SeqPass::taped(&tape)).logits;
    let labels = expected.int_tensor::<2>("labels", device).flatten(0, 1);
    let loss = label_loss(logits, labels).mean();
    assert_eq!(loss.dtype(), DType::F32);
    let names = T5ForConditionalGeneration::names(model.config());
    Step::backward(model, &names, loss, tape)
}

/// The config of a case, with dropout, and fresh weights.
fn with_dropout(case: &Case, device: &Device) -> T5ForConditionalGeneration {
    let config = T5Config::from_file(&case.path.join("config.json")).unwrap();
    let config = T5Config {
        dropout_rate: 0.3,
        ..config
    };
    device.seed(3);
    draw_all(T5ForConditionalGeneration::new(&config, device))
}

#[test]
fn bf16_tracks_f32_on_the_reference_models() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    if Precision::Bf16.check(&device).is_err() {
        return;
    }
    run_cases("T5 in bf16", |case| {
        if !has_loss(case) {
            return false;
        }
        let model = T5ForConditionalGeneration::from_pretrained(&case.path, &device).unwrap();
        let expected = case.expected();
        let tape = || Tape::new(&device, 1, false);
        let full = step(&model, &expected, &device, tape());
        let half = Precision::Bf16.compute_copy(&model);
        let half = step(&half, &expected, &device, tape());
        half.assert_tracks(&full, BF16_STEP);
        true
    });
}

#[test]
fn recomputed_blocks_give_the_same_loss_and_gradients() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    run_cases("T5 recomputed", |case| {
        if !has_loss(case) {
            return false;
        }
        let model = with_dropout(case, &device);
        let expected = case.expected();
        let run = |model: &_, recompute| {
            let tape = Tape::new(&device, 1, recompute);
            step(model, &expected, &device, tape)
        };
        run(&model, true).assert_tracks(&run(&model, false), F32_STEP);
        if Precision::Bf16.check(&device).is_ok() {
            let half = Precision::Bf16.compute_copy(&model);
            run(&half, true).assert_tracks(&run(&half, false), BF16_STEP);
        }
        true
    });
}

#[test]
fn blocks_draw_anew_with_another_seed() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    let mut seen = false;
    run_cases("T5 seeds", |case| {
        if seen || !has_loss(case) {
            return false;
        }
        seen = true;
        let model = with_dropout(case, &device);
        let loss = |seed| {
            let tape = Tape::new(&device, seed, true);
            step(&model, &case.expected(), &device, tape).loss
        };
        assert_eq!(loss(1), loss(1));
        assert_ne!(loss(1), loss(2));
        true
    });
}

const VOCAB_SIZE: usize = 40;
/// Two chunks of 1024 rows, and a part of one.
const NUM_TARGETS: [usize; 2] = [70, 30];

fn shallow(is_tied: bool, device: &Device) -> T5ForConditionalGeneration {
    let config = T5Config {
        vocab_size: VOCAB_SIZE,
        d_model: 8,
        d_kv: 4,
        d_ff: 8,
        num_layers: 1,
        num_heads: 2,
        tie_word_embeddings: Some(is_tied),
        ..T5Config::default()
    };
    device.seed(3);
    draw_all(T5ForConditionalGeneration::new(&config, device))
}

/// A step on many rows, with z-loss and smoothed labels.
fn smoothed_step(model: &T5ForConditionalGeneration, tape: Tape) -> Step {
    let device = &tape.device().clone();
    device.seed(5);
    let [rows, length] = NUM_TARGETS;
    let ids = |length| {
        let any_id = Distribution::Uniform(0.0, VOCAB_SIZE as f64);
        Tensor::<2, Int>::random([rows, length], any_id, device)
    };
    let input = Seq2SeqInput {
        input_ids: ids(4),
        padding_mask: ids(4).equal_scalar(0),
        decoder_input_ids: ids(length),
        decoder_padding_mask: None,
        segments: None,
    };
    let (targets, any) = (ids(length).flatten(0, 1), Distribution::Default);
    let weights = Tensor::random([rows * length], any, device);
    let (_, decoded) = model.states_by(input, Seq2SeqPass::taped(&tape));
    let states = States {
        hidden: decoded.flatten(0, 1),
        targets,
        weights,
    };
    let loss = states.smoothed_cross_entropy(model, &tape);
    let [nll, z] = [loss.targets.nll, loss.targets.squared_log_z].map(|sum| sum.mean());
    let loss = nll * 0.9 + z * 0.01 + loss.uniform.mean() * 0.1;
    let names = T5ForConditionalGeneration::names(model.config());
    Step::backward(model, &names, loss, tape)
}

#[test]
fn logits_by_chunks_of_rows_give_the_same_loss_and_gradients() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    for is_tied in [true, false] {
        let model = shallow(is_tied, &device);
        let run = |model: &_, recompute| smoothed_step(model, Tape::new(&device, 1, recompute));
        run(&model, true).assert_tracks(&run(&model, false), F32_STEP);
        if Precision::Bf16.check(&device).is_ok() {
            let half = Precision::Bf16.compute_copy(&model);
            run(&half, true).assert_tracks(&run(&half, false), BF16_STEP);
        }
    }
}
