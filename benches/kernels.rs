//! Each fused operation beside its slow reference, at sizes of T5-small and ELECTRA-small.

use std::hint::black_box;
use std::time::Duration;

use burn::tensor::{Device, Distribution, Int, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use lamplight_kernels::activation::{self, Function};
use lamplight_kernels::adamw::{self, AdamWStep, AdamWTensors, ScaledGradient};
use lamplight_kernels::attention::{self, AttentionSettings, AttentionTensors};
use lamplight_kernels::feed_forward::{self, Projection, Projections};
use lamplight_kernels::norm::{self, NormParameters, NormSettings};
use lamplight_kernels::sum_of_squares::SumOfSquares;
use lamplight_kernels::{categorical, dropout, likelihood, linear, sum_of_squares};
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
    type Update = fn(&AdamWStep, AdamWTensors<2>, ScaledGradient<2>) -> AdamWTensors<2>;
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
        let gradient = ScaledGradient::new(random(), None);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let old = tensors.take().unwrap_or_else(|| unreachable!());
                tensors = Some(update(&STEP, old, gradient.clone()));
            });
        });
    }
}

/// A layer of ELECTRA-small, 8 x 128 tokens.
fn feed_forward(criterion: &mut Criterion) {
    let device = device();
    let random = |shape| Tensor::<2>::random(shape, Distribution::Normal(0.0, 0.1), &device);
    let projection = |inputs, outputs| Projection {
        weight: random([inputs, outputs]),
        bias: Some(Tensor::zeros([outputs], &device)),
    };
    let projections = Projections {
        inward: projection(256, 1024),
        outward: projection(1024, 256),
    };
    let input = random([8 * 128, 256]);
    let mut group = group(criterion, "feed_forward");
    type Run = fn(Tensor<2>, Projections, Function) -> Tensor<2>;
    let forms: [(&str, Run); 2] = [
        ("fused", feed_forward::feed_forward),
        ("reference", feed_forward::reference::feed_forward),
    ];
    for (name, run) in forms {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(run(input.clone(), projections.clone(), Function::Gelu)));
        });
    }
}

/// The gradient of T5-small's embedding table.
fn sum_of_squares(criterion: &mut Criterion) {
    let gradient = Tensor::<2>::random([32128, 512], Distribution::Default, &device());
    let mut group = group(criterion, "sum_of_squares");
    type Sum = fn(Tensor<2>) -> Option<Tensor<1>>;
    let forms: [(&str, Sum); 2] = [
        ("fused", |tensor| {
            let mut sum = SumOfSquares::default();
            sum.add(tensor);
            sum.finish()
        }),
        ("reference", |tensor| {
            Some(sum_of_squares::reference::sum_of_squares(tensor))
        }),
    ];
    for (name, sum) in forms {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(sum(gradient.clone())));
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

/// Self-attention of a layer of T5-small's encoder, 4 x 512 tokens, with its gradients.
fn attention(criterion: &mut Criterion) {
    let heads = || parameter([4, 8, 512, 64]);
    let (query, key, value, bias) = (heads(), heads(), heads(), parameter([1, 8, 512, 512]));
    let tensors = || AttentionTensors {
        query: query.clone(),
        key: key.clone(),
        value: value.clone(),
        bias: Some(bias.clone()),
        mask: None,
    };
    let settings = AttentionSettings {
        scale: 1.0,
        dropout: 0.0,
    };
    with_gradients(
        criterion,
        "attention",
        || attention::attention(tensors(), settings).sum(),
        || {
            attention::reference::attention(tensors(), settings)
                .context
                .sum()
        },
    );
}

/// The first projection of T5-small's feed-forward layer, 4 x 512 tokens, with its gradients.
fn linear(criterion: &mut Criterion) {
    let (input, weight) = (parameter([2048, 512]), parameter([512, 2048]));
    with_gradients(
        criterion,
        "linear",
        || linear::linear(input.clone(), weight.clone(), None).sum(),
        || linear::reference::linear(input.clone(), weight.clone(), None).sum(),
    );
}

/// A norm of T5-small, 4 x 512 tokens, with its gradients.
fn norm(criterion: &mut Criterion) {
    let input = parameter([2048, 512]);
    let parameters = NormParameters {
        gamma: parameter([512]),
        beta: None,
    };
    let settings = NormSettings {
        is_centered: false,
        epsilon: 1e-6,
    };
    with_gradients(
        criterion,
        "norm",
        || norm::norm(input.clone(), parameters.clone(), settings).sum(),
        || norm::reference::norm(input.clone(), parameters.clone(), settings).sum(),
    );
}

/// The activation of a layer of ELECTRA-small, 16 x 128 tokens, with its gradient.
fn activation(criterion: &mut Criterion) {
    let input = parameter([2048, 1024]);
    with_gradients(
        criterion,
        "activation",
        || activation::activation(input.clone(), Function::Gelu).sum(),
        || activation::reference::activation(input.clone(), Function::Gelu).sum(),
    );
}

/// The likelihoods of 4 x 114 targets of T5-small, with the gradient of the logits.
fn likelihood(criterion: &mut Criterion) {
    let logits = parameter([456, 32128]);
    let targets = Tensor::<1, Int>::arange(0..456, &device());
    with_gradients(
        criterion,
        "likelihood",
        || {
            likelihood::likelihood(logits.clone(), targets.clone())
                .log_z
                .sum()
        },
        || {
            let likelihood = likelihood::reference::likelihood(logits.clone(), targets.clone());
            likelihood.log_z.sum()
        },
    );
}

/// Random, with a gradient.
fn parameter<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let device = device().autodiff();
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &device).require_grad()
}

fn with_gradients(
    criterion: &mut Criterion,
    name: &str,
    fused: impl Fn() -> Tensor<1>,
    reference: impl Fn() -> Tensor<1>,
) {
    let mut group = group(criterion, name);
    group.bench_function("fused", |bencher| {
        bencher.iter(|| black_box(fused().backward()));
    });
    group.bench_function("reference", |bencher| {
        bencher.iter(|| black_box(reference().backward()));
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

criterion_group!(
    benches,
    activation,
    adamw,
    attention,
    categorical,
    dropout,
    feed_forward,
    likelihood,
    linear,
    norm,
    sum_of_squares,
);
criterion_main!(benches);
