//! The time of one more id where some are there already: with the cache, and by running over all of
//! them again. T5-small's sizes, random weights, one row, an input of 64 ids.

use std::hint::black_box;
use std::time::Duration;

use burn::tensor::{Bool, Device, Int, Tensor};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lamplight_layers::device::DeviceChoice;
use lamplight_t5::{
    GenerationConfig, GenerationInput, Generator, T5Config, T5ForConditionalGeneration,
};

const SOURCE: usize = 64;
const LENGTHS: [usize; 6] = [1, 32, 64, 128, 256, 512];

fn ids(length: usize, device: &Device) -> Tensor<2, Int> {
    Tensor::<1, Int>::arange(3..3 + length as i64, device).unsqueeze_dim(0)
}

fn no_padding(device: &Device) -> Tensor<2, Bool> {
    Tensor::full([1, SOURCE], false, device)
}

/// Reads a result, so that a device which works ahead has done it.
fn wait(logits: Tensor<3>) {
    black_box(logits.into_data());
}

fn one_more_id(criterion: &mut Criterion) {
    let device = DeviceChoice::default()
        .open()
        .unwrap_or_else(|error| panic!("{error}"));
    let model = T5ForConditionalGeneration::new(&T5Config::default(), &device);
    let encoded = model.encode(ids(SOURCE, &device), no_padding(&device));
    let mut group = criterion.benchmark_group("one_more_id");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(4));
    for length in LENGTHS {
        let mut cache = model.start(encoded.clone(), no_padding(&device));
        if length > 1 {
            model.step(ids(length - 1, &device), &mut cache);
        }
        group.bench_function(BenchmarkId::new("cached", length), |bencher| {
            bencher.iter(|| {
                cache.truncate(length - 1);
                wait(model.step(ids(1, &device), &mut cache).logits);
            });
        });
        group.bench_function(BenchmarkId::new("recomputed", length), |bencher| {
            bencher.iter(|| {
                let decoded =
                    model.decode(ids(length, &device), encoded.clone(), no_padding(&device));
                wait(decoded);
            });
        });
    }
    group.finish();
}

fn whole_answers(criterion: &mut Criterion) {
    let device = DeviceChoice::default()
        .open()
        .unwrap_or_else(|error| panic!("{error}"));
    let model = T5ForConditionalGeneration::new(&T5Config::default(), &device);
    let mut group = criterion.benchmark_group("answer_of_64_ids");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(8));
    for num_beams in [1, 4] {
        let config = GenerationConfig::beam(num_beams)
            .max_new_tokens(64)
            .min_new_tokens(64);
        let generator = Generator::new(&model, config).unwrap_or_else(|error| panic!("{error}"));
        group.bench_function(BenchmarkId::new("beams", num_beams), |bencher| {
            bencher.iter(|| {
                let input = GenerationInput::new(ids(SOURCE, &device), no_padding(&device));
                black_box(
                    generator
                        .generate(input)
                        .unwrap_or_else(|error| panic!("{error}")),
                );
            });
        });
    }
    group.finish();
}

criterion_group!(benches, one_more_id, whole_answers);
criterion_main!(benches);
