//! Decoding with weights of 8 bits.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Device, Distribution, Int, Tensor};
use lamplight_t5::{GenerationConfig, GenerationInput, T5Config, T5ForConditionalGeneration};
use lamplight_testing::{assert_close, drawing, test_device, test_device_choice};

/// A drawn model, tied or not.
fn model(is_tied: bool, device: &Device) -> T5ForConditionalGeneration {
    let json = format!(
        r#"{{"model_type": "t5", "vocab_size": 90, "d_model": 48, "d_kv": 16, "d_ff": 130,
            "num_layers": 2, "num_heads": 3, "tie_word_embeddings": {is_tied}}}"#
    );
    T5ForConditionalGeneration::new(&T5Config::from_json(&json).unwrap(), device)
}

fn random_ids(shape: [usize; 2], device: &Device) -> Tensor<2, Int> {
    Tensor::<2>::random(shape, Distribution::Uniform(3.0, 89.99), device).int()
}

fn values(tensor: Tensor<3>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Ten positions of three rows go through the product of many rows, a step of three rows through that of few.
#[test]
fn logits_are_near_those_of_f32_and_the_same_step_by_step() {
    let _drawing = drawing();
    let device = test_device();
    if test_device_choice().backend.name() != "flex" {
        let error = model(true, &device).quantized().unwrap_err().to_string();
        assert!(error.contains("flex"), "{error}");
        return;
    }
    device.seed(5);
    for is_tied in [true, false] {
        let model = model(is_tied, &device);
        let quantized = model.quantized().unwrap();
        let no_padding = || Tensor::full([3, 9], false, &device);
        let (source, ids) = (random_ids([3, 9], &device), random_ids([3, 10], &device));
        let whole = |model: &T5ForConditionalGeneration| {
            let encoded = model.encode(source.clone(), no_padding());
            values(model.decode(ids.clone(), encoded, no_padding()))
        };
        let (ours, exact) = (whole(&quantized), whole(&model));
        let size = |values: &[f32]| values.iter().map(|x| x * x).sum::<f32>().sqrt();
        let difference: Vec<f32> = ours.iter().zip(&exact).map(|(a, b)| a - b).collect();
        let error = size(&difference) / size(&exact);
        assert!((1e-4..0.03).contains(&error), "relative error {error}");

        let mut cache =
            quantized.start(quantized.encode(source.clone(), no_padding()), no_padding());
        let steps = (0..10).map(|place| {
            let new = ids.clone().narrow(1, place, 1);
            quantized.step(new, &mut cache).logits
        });
        let steps = values(Tensor::cat(steps.collect(), 1));
        assert_close("steps", &steps, &ours, 1e-4, 1e-4);
    }
}

#[test]
fn it_generates_by_beams_and_greedily() {
    let _drawing = drawing();
    let device = test_device();
    if test_device_choice().backend.name() != "flex" {
        return;
    }
    let model = model(true, &device).quantized().unwrap();
    let input = || {
        GenerationInput::new(
            random_ids([2, 7], &device),
            Tensor::full([2, 7], false, &device),
        )
    };
    for num_beams in [1, 4] {
        let config = GenerationConfig::beam(num_beams)
            .max_new_tokens(6)
            .min_new_tokens(6);
        let answers = model.generate(input(), &config).unwrap();
        assert!(answers.iter().all(|answers| answers[0].ids.len() == 6));
    }
}
