//! Norms, activations and likelihoods against their references, gradients included.
#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Device, Distribution, Int, Tensor, TensorData};
use lamplight_kernels::activation::{self, Function, activation, gated};
use lamplight_kernels::likelihood::{self, Likelihood, likelihood};
use lamplight_kernels::norm::{self, NormParameters, NormSettings, norm};
use lamplight_kernels::processor::is_processor;
use lamplight_testing::{assert_close, test_device};

/// Rows and columns: one of each, fewer and more than a vector has, several chunks.
const SHAPES: [[usize; 2]; 5] = [[1, 1], [2, 7], [5, 33], [300, 128], [3, 20_000]];

fn random(shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::random(shape, Distribution::Normal(0.3, 2.0), device).require_grad()
}

fn row(width: usize, device: &Device) -> Tensor<1> {
    let row = random([1, width], device).inner().reshape([width]);
    Tensor::from_inner(row).require_grad()
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// The output, and the gradients of some leaves from one that differs everywhere.
fn results<const D: usize>(
    output: Tensor<D>,
    leaves: &[&Tensor<2>],
    rows: &[&Tensor<1>],
) -> Vec<Vec<f32>> {
    let loss = (output.clone() * 0.7).sin() * 2.0;
    results_of(loss, output, leaves, rows)
}

/// The same from the gradient of the sum of the loss.
fn results_of<const D: usize>(
    loss: Tensor<D>,
    output: Tensor<D>,
    leaves: &[&Tensor<2>],
    rows: &[&Tensor<1>],
) -> Vec<Vec<f32>> {
    let gradients = loss.sum().backward();
    let mut all = vec![read(output.inner())];
    all.extend(
        leaves
            .iter()
            .map(|leaf| read(leaf.grad(&gradients).unwrap())),
    );
    all.extend(rows.iter().map(|leaf| read(leaf.grad(&gradients).unwrap())));
    all
}

fn assert_all_close(name: &str, ours: &[Vec<f32>], theirs: &[Vec<f32>]) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_close(name, ours, theirs, 1e-4, 2e-5);
    }
}

#[test]
fn norms_are_those_of_the_reference() {
    let device = test_device().autodiff();
    for shape in SHAPES {
        let (input, gamma, beta) = (
            random(shape, &device),
            row(shape[1], &device),
            row(shape[1], &device),
        );
        let centered = NormSettings {
            is_centered: true,
            epsilon: 1e-3,
        };
        let parameters = NormParameters {
            gamma: gamma.clone(),
            beta: Some(beta.clone()),
        };
        let ours = results(
            norm(input.clone(), parameters.clone(), centered),
            &[&input],
            &[&gamma, &beta],
        );
        let theirs = norm::reference::norm(input.clone(), parameters.clone(), centered);
        assert_all_close(
            "centered",
            &ours,
            &results(theirs, &[&input], &[&gamma, &beta]),
        );

        let by_root = NormSettings {
            is_centered: false,
            epsilon: 1e-6,
        };
        let parameters = NormParameters {
            beta: None,
            ..parameters
        };
        let ours = results(
            norm(input.clone(), parameters.clone(), by_root),
            &[&input],
            &[&gamma],
        );
        let theirs = norm::reference::norm(input.clone(), parameters, by_root);
        assert_all_close("by root", &ours, &results(theirs, &[&input], &[&gamma]));
    }
}

#[test]
fn no_rows_are_normed_to_none() {
    let device = test_device().autodiff();
    let (input, gamma) = (random([0, 7], &device), row(7, &device));
    let parameters = NormParameters {
        gamma: gamma.clone(),
        beta: None,
    };
    let settings = NormSettings {
        is_centered: true,
        epsilon: 1e-6,
    };
    let found = results(
        norm(input.clone(), parameters, settings),
        &[&input],
        &[&gamma],
    );
    assert_eq!(found, [vec![], vec![], vec![0.0; 7]]);
}

/// Both compute in f32, so that they differ by the rounding of what they give.
#[test]
fn norms_of_half_precision_are_off_by_a_few_roundings() {
    let device = test_device().autodiff();
    for (dtype, rounding) in [(DType::BF16, 2_f32.powi(-8)), (DType::F16, 2_f32.powi(-11))] {
        if !device.supports_dtype(dtype) {
            continue;
        }
        let (input, gamma, beta) = (
            random([70, 33], &device),
            row(33, &device),
            row(33, &device),
        );
        let parameters = NormParameters {
            gamma: gamma.clone(),
            beta: Some(beta.clone()),
        };
        let factors = random([70, 33], &device).detach();
        for is_centered in [false, true] {
            let settings = NormSettings {
                is_centered,
                epsilon: 1e-6,
            };
            let half = || input.clone().cast(dtype);
            let ours = norm(half(), parameters.clone(), settings);
            assert_eq!(ours.dtype(), dtype);
            let theirs = norm::reference::norm(half(), parameters.clone(), settings);
            let [ours, theirs] = [ours, theirs].map(|output| {
                let output = output.cast(DType::F32);
                // Linear, so that a rounding of the output does not change what comes from above.
                let loss = output.clone() * factors.clone();
                results_of(loss, output, &[&input], &[&gamma, &beta])
            });
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_close("half precision", ours, theirs, 4.0 * rounding, 0.0);
            }
        }
    }
}

#[test]
fn activations_are_those_of_the_reference() {
    let device = test_device().autodiff();
    for (function, shape) in [
        Function::Relu,
        Function::Gelu,
        Function::GeluTanh,
        Function::Silu,
    ]
    .into_iter()
    .flat_map(|function| SHAPES.map(|shape| (function, shape)))
    {
        let (gate, input) = (random(shape, &device), random(shape, &device));
        let ours = results(activation(gate.clone(), function), &[&gate], &[]);
        let theirs = activation::reference::activation(gate.clone(), function);
        assert_all_close(
            &format!("{function:?}"),
            &ours,
            &results(theirs, &[&gate], &[]),
        );
        let ours = results(
            gated(gate.clone(), input.clone(), function),
            &[&gate, &input],
            &[],
        );
        let theirs = activation::reference::gated(gate.clone(), input.clone(), function);
        let theirs = results(theirs, &[&gate, &input], &[]);
        assert_all_close(&format!("gated {function:?}"), &ours, &theirs);
    }
}

#[test]
fn activations_are_finite_far_from_zero() {
    let device = test_device().autodiff();
    // Elsewhere the device's own functions decide.
    if !is_processor(&device) {
        return;
    }
    let places = [-1e30, -1e4, -100.0, -9.0, 0.0, 9.0, 100.0, 1e4];
    for function in [
        Function::Relu,
        Function::Gelu,
        Function::GeluTanh,
        Function::Silu,
    ] {
        let x = Tensor::<1>::from_data(places, &device).require_grad();
        let y = activation(x.clone(), function);
        let gradient = read(x.grad(&y.clone().sum().backward()).unwrap());
        let ramp = places.map(|place: f32| place.max(0.0));
        assert_close("far", &read(y.inner()), &ramp, 1e-6, 0.01);
        assert!(
            gradient.iter().all(|slope| slope.is_finite()),
            "{function:?}: {gradient:?}"
        );
    }
}

#[test]
fn likelihoods_are_those_of_the_reference() {
    let device = test_device().autodiff();
    for [rows, classes] in SHAPES {
        let logits = random([rows, classes], &device);
        let targets: Vec<i64> = (0..rows).map(|row| (row * 31 % classes) as i64).collect();
        let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [rows]), &device);
        // Some rows without weight, as padding has.
        let weights = Tensor::<1, Int>::arange(0..rows as i64, &device).float() % 3.0;
        let loss = |both: Likelihood| {
            (both.log_z.clone() - both.target_logit) * weights.clone()
                + both.log_z.square() * 0.1 * weights.clone()
        };
        let ours = results(
            loss(likelihood(logits.clone(), targets.clone())),
            &[&logits],
            &[],
        );
        let theirs = loss(likelihood::reference::likelihood(logits.clone(), targets));
        assert_all_close("likelihood", &ours, &results(theirs, &[&logits], &[]));
    }
}
