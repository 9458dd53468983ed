//! Likelihoods.

use std::panic::catch_unwind;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use lamplight_kernels::likelihood::{Likelihood, likelihood, reference};
use lamplight_kernels::processor::is_processor;
use lamplight_testing::{assert_close, test_device};

use crate::{HALVES, SHAPES, assert_all_close, random, read, results, results_of};

fn targets(targets: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let rows = targets.len();
    Tensor::from_data(TensorData::new(targets, [rows]), device)
}

/// Targets all over the classes.
fn spread(rows: usize, classes: usize, device: &Device) -> Tensor<1, Int> {
    let target = |row| (row * 31 % classes) as i64;
    targets((0..rows).map(target).collect(), device)
}

/// A loss of both, some rows without weight, as padding has.
fn loss(both: Likelihood) -> Tensor<1> {
    let [rows] = both.log_z.dims();
    let weights = Tensor::<1, Int>::arange(0..rows as i64, &both.log_z.device()).float() % 3.0;
    (both.log_z.clone() - both.target_logit) * weights.clone() + both.log_z.square() * 0.1 * weights
}

#[test]
fn likelihoods_are_those_of_the_reference() {
    let device = test_device().autodiff();
    for [rows, classes] in SHAPES.into_iter().chain([[2, 40_001]]) {
        let logits = random([rows, classes], &device);
        let targets = spread(rows, classes, &device);
        let ours = results(
            loss(likelihood(logits.clone(), targets.clone())),
            &[&logits],
            &[],
        );
        let theirs = loss(reference::likelihood(logits.clone(), targets));
        assert_all_close("likelihood", &ours, &results(theirs, &[&logits], &[]));
    }
}

/// Both are computed in f32, so that only the gradient is rounded.
#[test]
fn likelihoods_of_half_precision_are_those_of_the_same_logits_in_f32() {
    let device = test_device().autodiff();
    for (dtype, rounding) in HALVES {
        if !device.supports_dtype(dtype) {
            continue;
        }
        let logits = random([5, 333], &device);
        let targets = spread(5, 333, &device);
        let half = || logits.clone().cast(dtype);
        let [ours, theirs] = [likelihood, reference::likelihood].map(|likelihood| {
            let both = likelihood(half(), targets.clone());
            assert_eq!(both.log_z.dtype(), DType::F32);
            let loss = loss(both);
            results_of(loss.clone(), loss, &[&logits], &[])
        });
        assert_close("loss", &ours[0], &theirs[0], 1e-5, 1e-5);
        assert_close("gradient", &ours[1], &theirs[1], 2.0 * rounding, 1e-6);
    }
}

#[test]
fn logits_far_from_zero_have_finite_likelihoods() {
    let device = test_device();
    let logits = Tensor::<2>::from_data([[1e4, -1e4, 1e4], [-3e4, -3e4, -1e30]], &device);
    let both = likelihood(logits, targets(vec![1, 0], &device));
    let ln_2 = 2_f32.ln();
    let log_z = [1e4 + ln_2, -3e4 + ln_2];
    assert_close("log Z", &read(both.log_z), &log_z, 1e-6, 0.0);
    assert_close("logit", &read(both.target_logit), &[-1e4, -3e4], 0.0, 0.0);
}

#[test]
fn no_rows_have_no_likelihoods() {
    let device = test_device();
    let both = likelihood(Tensor::zeros([0, 7], &device), targets(vec![], &device));
    assert_eq!(both.log_z.dims(), [0]);
    assert_eq!(both.target_logit.dims(), [0]);
}

#[test]
fn a_target_outside_is_refused_on_a_processor_and_else_the_nearest_class() {
    let device = test_device().autodiff();
    let logits = random([3, 5], &device);
    let of = |row: Vec<i64>| likelihood(logits.clone(), targets(row, &device));
    if is_processor(&device) {
        for outside in [-1, 5] {
            assert!(catch_unwind(|| of(vec![0, 1, outside])).is_err());
        }
        return;
    }
    let [ours, theirs] =
        [vec![1, -7, 5], vec![1, 0, 4]].map(|row| results(loss(of(row)), &[&logits], &[]));
    assert_eq!(ours, theirs);
}
