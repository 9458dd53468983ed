//! Decoding step by step gives what decoding all at once gives.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Bool, Device, Distribution, Int, Tensor, TensorData};
use lamplight_t5::{T5Config, T5ForConditionalGeneration};
use lamplight_testing::{assert_close, compiles_kernels, drawing, test_device};

fn model(kind: &str, device: &Device) -> T5ForConditionalGeneration {
    let json = format!(
        r#"{{"model_type": "{kind}", "vocab_size": 60, "d_model": 16, "d_kv": 6, "d_ff": 24,
            "num_layers": 1, "num_decoder_layers": 2, "num_heads": 3,
            "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20}}"#
    );
    T5ForConditionalGeneration::new(&T5Config::from_json(&json).unwrap(), device)
}

fn random_ids(shape: [usize; 2], device: &Device) -> Tensor<2, Int> {
    Tensor::<2>::random(shape, Distribution::Uniform(3.0, 59.99), device).int()
}

fn padding_after(lengths: [usize; 2], width: usize, device: &Device) -> Tensor<2, Bool> {
    let mask = lengths
        .iter()
        .flat_map(|&length| (0..width).map(move |position| position >= length))
        .collect::<Vec<_>>();
    Tensor::from_data(TensorData::new(mask, [2, width]), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

#[test]
fn steps_of_any_size_give_the_logits_of_the_whole() {
    let _drawing = drawing();
    let device = test_device();
    device.seed(3);
    // Past the first block of the cache, so that it grows, and past the longest exact distance.
    let sizes: &[usize] = if compiles_kernels() {
        &[3, 1, 66]
    } else {
        &[3, 1, 1, 57, 1, 1, 1, 70, 2, 13]
    };
    let total = sizes.iter().sum();
    for kind in ["t5", "umt5"] {
        let model = model(kind, &device);
        let padding_mask = padding_after([7, 4], 7, &device);
        let encoded = model.encode(random_ids([2, 7], &device), padding_mask.clone());
        let ids = random_ids([2, total], &device);
        let whole = model.decode(ids.clone(), encoded.clone(), padding_mask.clone());
        let mut cache = model.start(encoded, padding_mask);
        for &size in sizes {
            let start = cache.length();
            let step = model.step(ids.clone().narrow(1, start, size), &mut cache);
            let expected = whole.clone().narrow(1, start, size);
            assert_close("step", &values(step.logits), &values(expected), 1e-5, 0.0);
        }
        assert_eq!(cache.length(), total);
    }
}

#[test]
fn rows_and_inputs_are_selected_and_the_past_is_forgotten() {
    let _drawing = drawing();
    let device = test_device();
    device.seed(4);
    let model = model("t5", &device);
    let padding_mask = padding_after([5, 3], 5, &device);
    let input_ids = random_ids([2, 5], &device);
    let encoded = model.encode(input_ids, padding_mask.clone());
    let ids = random_ids([4, 6], &device); // two rows per input
    let mut cache = model.start(encoded.clone(), padding_mask.clone());
    model.step(ids.clone().narrow(1, 0, 4), &mut cache);
    model.step(ids.clone().narrow(1, 4, 2), &mut cache);
    cache.truncate(4);
    cache.select_inputs(&[1]);
    cache.select_rows(&[3, 3, 2]);
    let last = random_ids([3, 1], &device);
    let step = model.step(last.clone(), &mut cache);

    let rows = Tensor::<1, Int>::from_ints([3, 3, 2], &device);
    let prefixes = ids.narrow(1, 0, 4).select(0, rows);
    let inputs = Tensor::<1, Int>::from_ints([1, 1, 1], &device);
    let whole = model.decode(
        Tensor::cat(vec![prefixes, last], 1),
        encoded.select(0, inputs.clone()),
        padding_mask.select(0, inputs),
    );
    let expected = values(whole.narrow(1, 4, 1));
    assert_close("step", &values(step.logits), &expected, 1e-5, 0.0);
}
