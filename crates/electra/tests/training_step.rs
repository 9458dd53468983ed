//! A step of pre-training in half precision, and one that recomputes its layers, beside the plain
//! one.
#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Device, Tensor};
use lamplight_electra::{ElectraConfig, ElectraPretraining, PretrainingInput};
use lamplight_layers::initializer::draw_all;
use lamplight_layers::precision::Precision;
use lamplight_layers::recompute::Tape;
use lamplight_testing::{
    BF16_STEP, Case, Expected, F32_STEP, Step, drawing, run_cases, test_device,
};

fn is_step(case: &Case) -> bool {
    let is_electra = |part: &str| case.config(part)["model_type"] == "electra";
    is_electra("generator")
        && is_electra("discriminator")
        && case.expected().has("generator_logits")
}

fn step(
    model: &ElectraPretraining,
    expected: &Expected,
    gumbel: Option<Tensor<3>>,
    tape: Tape,
) -> Step {
    let device = &tape.device().clone();
    let input = PretrainingInput {
        input_ids: expected.int_tensor("input_ids", device),
        masked_input_ids: expected.int_tensor("masked_input_ids", device),
        padding_mask: expected.padding_mask("attention_mask", device),
        token_type_ids: expected.int_tensor("token_type_ids", device),
        masked_positions: expected.int_tensor("positions", device),
        masked_weights: expected.float_tensor("weights", device),
        gumbel,
    };
    device.seed(7);
    let loss = model.forward_taped(input, &tape).loss;
    assert_eq!(loss.dtype(), DType::F32);
    Step::backward(model, &ElectraPretraining::names(), loss, tape)
}

/// The configs of a case, with dropout, and fresh weights.
fn with_dropout(case: &Case, device: &Device) -> ElectraPretraining {
    let [discriminator, generator] = ["discriminator", "generator"].map(|part| {
        let path = case.path.join(part).join("config.json");
        ElectraConfig {
            hidden_dropout_prob: 0.2,
            attention_probs_dropout_prob: 0.2,
            ..ElectraConfig::from_file(&path).unwrap()
        }
    });
    device.seed(3);
    draw_all(ElectraPretraining::new(&discriminator, &generator, device))
}

#[test]
fn bf16_tracks_f32_on_the_reference_models() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    if Precision::Bf16.check(&device).is_err() {
        return;
    }
    run_cases("ELECTRA in bf16", |case| {
        if !is_step(case) {
            return false;
        }
        let model = ElectraPretraining::from_pretrained(&case.path, &device).unwrap();
        let expected = case.expected();
        let run = |model: &_| {
            let gumbel = expected.float_tensor("gumbel", &device);
            step(model, &expected, Some(gumbel), Tape::new(&device, 1, false))
        };
        let half = Precision::Bf16.compute_copy(&model);
        run(&half).assert_tracks(&run(&model), BF16_STEP);
        true
    });
}

#[test]
fn recomputed_layers_give_the_same_loss_and_gradients() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    run_cases("ELECTRA recomputed", |case| {
        if !is_step(case) {
            return false;
        }
        let model = with_dropout(case, &device);
        let expected = case.expected();
        let run =
            |model: &_, recompute| step(model, &expected, None, Tape::new(&device, 1, recompute));
        run(&model, true).assert_tracks(&run(&model, false), F32_STEP);
        if Precision::Bf16.check(&device).is_ok() {
            let half = Precision::Bf16.compute_copy(&model);
            run(&half, true).assert_tracks(&run(&half, false), BF16_STEP);
        }
        true
    });
}
