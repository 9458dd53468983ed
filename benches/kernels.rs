//! Each fused operation beside its slow reference, at sizes of T5-small and ELECTRA-small.

use std::hint::black_box;
use std::time::Duration;

use burn::tensor::{Device, Distribution, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use lamplight_kernels::adamw::{self, AdamWStep, AdamWTensors};
use lamplight_kernels::{categorical, dropout};
use lamplight_layers::device::DeviceChoice;

const STEP: AdamWStep = AdamWStep {
    betas: [0.9, 0.999],
    step_size: 1e-4,
    root_correction: 1.0,
    epsilon: 1e-6,
    decay: 1e-6,
    min_scale: None,
};

fn device() -> Device {
    let device = DeviceChoice::default().open();
    device.unwrap_or_else(|error| panic!("{error}"))
}

/// T5-small's embedding table.
fn adamw(criterion: &mut Criterion) {
    let shape = [32128, 512];
    let random = || Tensor::<2>::random(shape, Distribution::Default, &device());
    let mut group = group(criterion, "adamw");
    type Update = fn(&AdamWStep, AdamWTensors<2>, Tensor<2>) -> AdamWTensors<2>;
    let forms: [(&str, Update); 2] = [
        ("fused", adamw::adamw),
        ("reference", adamw::reference::adamw),
    ];
    for (name, update) in forms {
        let mut tensors = Some(AdamWTensors {
            parameter: random(),
            first: random(),
            second: random(),
        });
        let gradient = random();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let old = tensors.take().unwrap_or_else(|| unreachable!());
                tensors = Some(update(&STEP, old, gradient.clone()));
            });
        });
    }
}

/// The attention weights of a layer of T5-small, 4 x 512 tokens.
fn dropout(criterion: &mut Criterion) {
    let shape = [4, 8, 512, 512];
    let device = device();
    let mut group = group(criterion, "dropout");
    group.bench_function("fused", |bencher| {
        bencher.iter(|| black_box(dropout::dropout_mask(shape, 0.1, &device)));
    });
    group.bench_function("reference", |bencher| {
        bencher.iter(|| black_box(dropout::reference::dropout_mask(shape, 0.1, &device)));
    });
}

/// The samples of ELECTRA-small's generator for 16 rows.
fn categorical(criterion: &mut Criterion) {
    let logits = Tensor::<2>::random([304, 30522], Distribution::Default, &device());
    let mut group = group(criterion, "categorical");
    group.bench_function("fused", |bencher| {
        bencher.iter(|| black_box(categorical::categorical(logits.clone())));
    });
    group.bench_function("reference", |bencher| {
        bencher.iter(|| black_box(categorical::reference::categorical(logits.clone())));
    });
}

fn group<'a>(
    criterion: &'a mut Criterion,
    name: &str,
) -> criterion::BenchmarkGroup<'a, criterion::measurement::WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(4));
    group
}

criterion_group!(benches, adamw, dropout, categorical);
criterion_main!(benches);
