//! Norms, activations and likelihoods against their references, gradients included.
#![allow(clippy::unwrap_used)]

mod activations;
mod likelihoods;
mod norms;

use burn::tensor::{DType, Device, Distribution, Tensor};
use lamplight_testing::assert_close;

/// Rows and columns: one of each, fewer and more than a vector has, several chunks.
const SHAPES: [[usize; 2]; 5] = [[1, 1], [2, 7], [5, 33], [300, 128], [3, 20_000]];

/// Types of half precision, and how far rounding to them moves a number, as a share of it.
const HALVES: [(DType, f32); 2] = [(DType::BF16, 1.0 / 256.0), (DType::F16, 1.0 / 2048.0)];

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
