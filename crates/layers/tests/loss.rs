//! The losses against values computed by hand, and what they do with nothing to count.
#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Int, Tensor};
use lamplight_layers::loss::{
    WeightedSum, binary_cross_entropy, cross_entropy, smoothed_cross_entropy, targets_and_weights,
};
use lamplight_layers::span::SpanLogits;
use lamplight_testing::{assert_close, test_device};

fn scalar(tensor: Tensor<1>) -> f32 {
    tensor.into_scalar()
}

fn mean(sum: WeightedSum) -> f32 {
    scalar(sum.mean())
}

#[test]
fn cross_entropy_is_the_weighted_mean_of_the_rows() {
    let device = test_device();
    let logits = Tensor::<2>::from_data([[0.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]], &device);
    let targets = Tensor::<1, Int>::from_ints([3, 0], &device);
    let weights = Tensor::from_data([1.0, 3.0], &device);
    let loss = cross_entropy(logits, targets, weights);
    let log_z = [4_f32.ln(), (2_f32.exp() + 3.0).ln()];
    let nll = (log_z[0] + 3.0 * (log_z[1] - 2.0)) / 4.0;
    let squared = (log_z[0].powi(2) + 3.0 * log_z[1].powi(2)) / 4.0;
    assert_close("nll", &[mean(loss.nll)], &[nll], 1e-6, 0.0);
    assert_close("z", &[mean(loss.squared_log_z)], &[squared], 1e-6, 0.0);
}

/// Loss and gradient of PyTorch's `CrossEntropyLoss(label_smoothing=0.1)` on these logits with the
/// targets 0 and 3 and an ignored row, computed in f64.
#[test]
fn label_smoothing_is_that_of_pytorch() {
    let device = test_device().autodiff();
    let logits = Tensor::<2>::from_data(
        [
            [2.0, 0.0, -1.0, 0.5],
            [0.3, -0.7, 1.1, 0.0],
            [1.0, 1.0, -2.0, 3.0],
        ],
        &device,
    )
    .require_grad();
    let targets = Tensor::<1, Int>::from_ints([0, 3, 0], &device);
    let weights = Tensor::from_data([1.0, 1.0, 0.0], &device);
    let loss = smoothed_cross_entropy(logits.clone(), targets, weights);
    let loss = loss.targets.nll.mean() * 0.9 + loss.uniform.mean() * 0.1;
    assert_close("loss", &[scalar(loss.clone())], &[1.126_947_8], 1e-6, 0.0);
    let gradient = logits.grad(&loss.backward()).unwrap().into_data();
    let expected = [
        -0.1075, 0.0356, 0.0052, 0.0667, 0.1029, 0.0299, 0.2442, -0.3770, 0.0, 0.0, 0.0, 0.0,
    ];
    let gradient = gradient.try_to_vec::<f32>().unwrap();
    assert_close("gradient", &gradient, &expected, 0.0, 6e-5);
}

#[test]
fn losses_of_half_precision_logits_are_f32() {
    let device = test_device();
    if !device.supports_dtype(DType::BF16) {
        return;
    }
    let logits = Tensor::<2>::from_data([[2.0, 0.0, 1.0]], &device).cast(DType::BF16);
    let weights = Tensor::<1>::ones([1], &device);
    let targets = Tensor::from_ints([0], &device);
    let nll = cross_entropy(logits.clone(), targets, weights.clone()).nll;
    let labels = Tensor::ones([1], &device);
    let bce = binary_cross_entropy(logits.slice([0..1, 0..1]).squeeze_dim(1), labels, weights);
    for loss in [nll, bce] {
        assert_eq!(loss.mean().dtype(), DType::F32);
    }
}

#[test]
fn large_logits_do_not_overflow() {
    let device = test_device();
    let logits = Tensor::<2>::from_data([[1e4, -1e4]], &device);
    let loss = cross_entropy(
        logits,
        Tensor::from_ints([1], &device),
        Tensor::ones([1], &device),
    );
    assert_close("nll", &[mean(loss.nll)], &[2e4], 1e-6, 0.0);
}

#[test]
fn batch_that_is_all_padding_has_loss_zero_and_gradient_zero() {
    let device = test_device().autodiff();
    let logits = Tensor::<2>::ones([3, 5], &device).require_grad();
    let nothing = Tensor::zeros([3], &device);
    let loss = cross_entropy(logits.clone(), Tensor::zeros([3], &device), nothing)
        .nll
        .mean();
    assert_eq!(scalar(loss.clone()), 0.0);
    let gradient = logits.grad(&loss.backward()).unwrap();
    assert_eq!(gradient.into_data().try_to_vec::<f32>().unwrap(), [0.0; 15]);
}

#[test]
fn binary_cross_entropy_is_the_weighted_mean() {
    let device = test_device();
    let logits = Tensor::from_data([0.0, 2.0, -50.0], &device);
    let labels = Tensor::from_data([1.0, 0.0, 0.0], &device);
    let loss = binary_cross_entropy(logits, labels, Tensor::from_data([1.0, 1.0, 2.0], &device));
    let expected = (2_f32.ln() + (1.0 + 2_f32.exp()).ln()) / 4.0;
    assert_close("bce", &[mean(loss)], &[expected], 1e-6, 0.0);
}

#[test]
fn span_beyond_the_window_does_not_count() {
    let device = test_device();
    let logits = Tensor::<2>::from_data([[1.0, 2.0], [0.0, 0.0]], &device);
    let inside = Tensor::<1, Int>::from_ints([1, 0], &device);
    let outside = Tensor::<1, Int>::from_ints([1, 99], &device);
    let span = SpanLogits {
        start: logits.clone(),
        end: logits,
    };
    let loss = span.loss(inside, outside);
    let first = (1_f32 + (-1_f32).exp()).ln();
    let expected = ((first + 2_f32.ln()) / 2.0 + first) / 2.0;
    assert_close("span", &[scalar(loss)], &[expected], 1e-6, 0.0);
}

#[test]
fn ignored_labels_have_weight_zero() {
    let device = test_device();
    let labels = Tensor::<1, Int>::from_ints([4, -100, 0], &device);
    let (targets, weights) = targets_and_weights(labels, -100);
    assert_eq!(
        targets.into_data().iter::<i64>().collect::<Vec<_>>(),
        [4, 0, 0]
    );
    assert_eq!(
        weights.into_data().try_to_vec::<f32>().unwrap(),
        [1.0, 0.0, 1.0]
    );
}
