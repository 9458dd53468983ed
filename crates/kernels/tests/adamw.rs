//! Updates by AdamW against their reference.

use burn::tensor::{Distribution, Tensor};
use lamplight_kernels::adamw::{AdamWStep, AdamWTensors, adamw, reference};
use lamplight_testing::test_device;

fn step() -> AdamWStep {
    AdamWStep {
        betas: [0.9, 0.99],
        step_size: 0.03,
        root_correction: 0.4,
        epsilon: 1e-6,
        decay: 0.001,
        min_scale: None,
    }
}

fn random(shape: [usize; 2]) -> Tensor<2> {
    Tensor::random(shape, Distribution::Default, &test_device())
}

fn difference(fast: AdamWTensors<2>, slow: AdamWTensors<2>) -> f32 {
    let pairs = [
        (fast.parameter, slow.parameter),
        (fast.first, slow.first),
        (fast.second, slow.second),
    ];
    let difference = |(fast, slow): (Tensor<2>, Tensor<2>)| (fast - slow).abs().max();
    let differences = pairs.map(|pair| difference(pair).into_scalar::<f32>());
    differences.into_iter().fold(0.0, f32::max)
}

/// The largest difference after several steps of parameters of some odd sizes.
fn difference_of(step: &AdamWStep) -> f32 {
    let device = test_device();
    device.seed(5);
    let differences = [[1, 1], [3, 7], [129, 257]].map(|shape| {
        let start = AdamWTensors {
            parameter: random(shape),
            first: Tensor::zeros(shape, &device),
            second: Tensor::zeros(shape, &device),
        };
        let (mut fast, mut slow) = (start.clone(), start);
        for _ in 0..3 {
            let gradient = random(shape) - 0.5;
            fast = adamw(step, fast, gradient.clone());
            slow = reference::adamw(step, slow, gradient);
        }
        difference(fast, slow)
    });
    differences.into_iter().fold(0.0, f32::max)
}

#[test]
fn a_step_is_that_of_the_reference() {
    let difference = difference_of(&step());
    assert!(difference < 1e-6, "{difference}");
}

#[test]
fn a_step_scaled_by_the_parameter_is_that_of_the_reference() {
    // The parameters' root mean square is between the two.
    for least in [1e-3, 2.0] {
        let scaled = AdamWStep {
            min_scale: Some(least),
            decay: 0.0,
            ..step()
        };
        let difference = difference_of(&scaled);
        assert!(difference < 1e-6, "{least}: {difference}");
    }
}

#[test]
fn tensors_may_lie_in_any_order() {
    let turned = || random([3, 7]).transpose();
    let old = AdamWTensors {
        parameter: turned(),
        first: turned(),
        second: turned(),
    };
    let gradient = turned();
    let slow = reference::adamw(&step(), old.clone(), gradient.clone());
    let difference = difference(adamw(&step(), old, gradient), slow);
    assert!(difference < 1e-6, "{difference}");
}

#[test]
fn tensors_that_others_hold_stay_as_they_are() {
    let device = test_device();
    let ones = Tensor::<1>::ones([100], &device);
    let old = AdamWTensors {
        parameter: ones.clone(),
        first: ones.clone(),
        second: ones.clone(),
    };
    adamw(&step(), old, ones.clone());
    assert_eq!(ones.sum().into_scalar::<f32>(), 100.0);
}
