//! What holds for every T5, whatever its weights.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Bool, Device, Distribution, Int, Tensor, TensorData};
use lamplight_layers::loss::cross_entropy;
use lamplight_t5::{Segments, Seq2SeqInput, T5Config, T5ForConditionalGeneration};
use lamplight_testing::{assert_close, drawing, test_device};

fn config(json: &str) -> T5Config {
    T5Config::from_json(json).unwrap()
}

fn small(tied: bool) -> T5Config {
    let json = format!(
        r#"{{"vocab_size": 512, "d_model": 64, "d_kv": 8, "d_ff": 128, "num_layers": 2,
            "num_heads": 3, "tie_word_embeddings": {tied}, "feed_forward_proj": "gated-gelu"}}"#
    );
    config(&json)
}

fn random_ids(shape: [usize; 2], device: &Device) -> Tensor<2, Int> {
    Tensor::<2>::random(shape, Distribution::Uniform(3.0, 511.99), device).int()
}

fn input(input_ids: Tensor<2, Int>, padding_mask: Tensor<2, Bool>) -> Seq2SeqInput {
    let decoder_input_ids = input_ids.clone().slice([0..input_ids.dims()[0], 0..5]);
    Seq2SeqInput {
        input_ids,
        padding_mask,
        decoder_input_ids,
        decoder_padding_mask: None,
        segments: None,
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

#[test]
fn loss_of_a_fresh_model_is_near_the_logarithm_of_the_vocabulary() {
    let _drawing = drawing();
    let device = test_device();
    device.seed(1);
    for tied in [true, false] {
        let model = T5ForConditionalGeneration::new(&small(tied), &device);
        let ids = random_ids([64, 8], &device);
        let no_padding = Tensor::<2, Bool>::full([64, 8], false, &device);
        let logits = model
            .forward(input(ids, no_padding))
            .logits
            .reshape([320, 512]);
        let targets = random_ids([64, 5], &device).flatten(0, 1);
        let loss = cross_entropy(logits, targets, Tensor::ones([320], &device))
            .nll
            .mean();
        let excess = loss.into_scalar::<f32>() - 512_f32.ln();
        assert!(
            (-0.1..1.0).contains(&excess),
            "tied {tied}: {excess} above ln V"
        );
    }
}

#[test]
fn padded_batch_equals_its_rows() {
    let _drawing = drawing();
    let device = test_device();
    device.seed(2);
    let model = T5ForConditionalGeneration::new(&small(false), &device);
    let ids = random_ids([2, 9], &device);
    let lengths = [9_usize, 6];
    let mask = lengths
        .iter()
        .flat_map(|&length| (0..9).map(move |position| position >= length));
    let mask = TensorData::new(mask.collect::<Vec<_>>(), [2, 9]);
    let together = model
        .forward(input(ids.clone(), Tensor::from_data(mask, &device)))
        .logits;
    for (row, length) in lengths.into_iter().enumerate() {
        let alone = ids.clone().slice([row..row + 1, 0..length]);
        let no_padding = Tensor::<2, Bool>::full([1, length], false, &device);
        let alone = values(model.forward(input(alone, no_padding)).logits);
        let batched = values(together.clone().slice([row..row + 1, 0..5, 0..512]));
        assert_close("row", &batched, &alone, 1e-5, 0.0);
    }
}

#[test]
fn packed_examples_give_the_logits_of_rows_of_their_own() {
    let _drawing = drawing();
    let device = test_device();
    device.seed(5);
    let model = T5ForConditionalGeneration::new(&small(true), &device);
    // Two examples of 5 and 3 inputs and 3 and 2 targets in one row, and padding.
    let ids = random_ids([1, 10], &device);
    let decoder_input_ids = random_ids([1, 6], &device);
    let ints = |values: Vec<i64>| {
        let shape = [1, values.len()];
        Tensor::<2, Int>::from_data(TensorData::new(values, shape), &device)
    };
    let segments = Segments {
        encoder: ints(vec![1, 1, 1, 1, 1, 2, 2, 2, 0, 0]),
        decoder: ints(vec![1, 1, 1, 2, 2, 0]),
    };
    let packed = model.forward(Seq2SeqInput {
        input_ids: ids.clone(),
        padding_mask: segments.encoder.clone().equal_elem(0),
        decoder_input_ids: decoder_input_ids.clone(),
        decoder_padding_mask: None,
        segments: Some(segments),
    });
    for (inputs, targets) in [(0..5, 0..3), (5..8, 3..5)] {
        let alone = model.forward(Seq2SeqInput {
            input_ids: ids.clone().slice([0..1, inputs.clone()]),
            padding_mask: Tensor::<2, Bool>::full([1, inputs.len()], false, &device),
            decoder_input_ids: decoder_input_ids.clone().slice([0..1, targets.clone()]),
            decoder_padding_mask: None,
            segments: None,
        });
        let packed = packed.logits.clone().slice([0..1, targets, 0..512]);
        assert_close("packed", &values(packed), &values(alone.logits), 1e-5, 1e-5);
    }
}

#[test]
fn dropout_acts_where_gradients_are_on_and_nowhere_else() {
    let _drawing = drawing();
    let device = test_device();
    device.seed(3);
    let model = T5ForConditionalGeneration::new(&small(true), &device.clone().autodiff());
    let forward = |model: &T5ForConditionalGeneration, device: &Device| {
        let ids = Tensor::<1, Int>::arange(3..19, device).unsqueeze_dim(0);
        let no_padding = Tensor::<2, Bool>::full([1, 16], false, device);
        values(model.forward(input(ids, no_padding)).logits)
    };
    let training = device.clone().autodiff();
    assert_ne!(forward(&model, &training), forward(&model, &training));
    let evaluated = burn::module::Module::valid(&model);
    assert_eq!(forward(&evaluated, &device), forward(&evaluated, &device));
}
