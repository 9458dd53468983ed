//! Updates by AdamW against their reference.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Distribution, Tensor};
use lamplight_kernels::adamw::{
    AdamWStep, AdamWTensors, ScaledGradient, Updates, adamw, reference,
};
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

fn scaled<const D: usize>(values: Tensor<D>, factor: f32) -> ScaledGradient<D> {
    ScaledGradient {
        factor: Tensor::from_floats([factor], &values.device()),
        values,
    }
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
            let gradient = scaled(random(shape) - 0.5, 0.7);
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

/// More than a launch takes, of sizes and steps that differ.
#[test]
fn many_updates_are_each_that_of_the_reference() {
    let scaled_by_parameter = |index| match index % 3 {
        0 => Some(0.4),
        1 => Some(2.0),
        _ => None,
    };
    let mut updates = Updates::new(Some(Tensor::from_floats([0.7], &test_device())));
    let mut pairs = Vec::new();
    for index in 0..100 {
        let shape = [1 + index % 13, 1 + index * index % 701];
        let step = AdamWStep {
            step_size: 0.001 * index as f64,
            min_scale: scaled_by_parameter(index),
            ..step()
        };
        let old = AdamWTensors {
            parameter: random(shape),
            first: random(shape),
            second: random(shape) + 0.5,
        };
        let gradient = random(shape) - 0.5;
        let slow = reference::adamw(&step, old.clone(), scaled(gradient.clone(), 0.7));
        pairs.push((updates.add(&step, old, gradient), slow));
    }
    updates.finish();
    for (index, (fast, slow)) in pairs.into_iter().enumerate() {
        let difference = difference(fast, slow);
        assert!(difference < 1e-6, "{index}: {difference}");
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
    let gradient = scaled(turned(), 1.0);
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
    adamw(&step(), old, scaled(ones.clone(), 1.0));
    assert_eq!(ones.sum().into_scalar::<f32>(), 100.0);
}

#[test]
fn the_factor_is_multiplied_into_the_gradient() {
    let start = AdamWTensors {
        parameter: random([40, 50]),
        first: random([40, 50]),
        second: random([40, 50]),
    };
    let gradient = random([40, 50]);
    let halved = adamw(&step(), start.clone(), scaled(gradient.clone(), 0.5));
    let half = adamw(&step(), start, scaled(gradient * 0.5, 1.0));
    assert_eq!(difference(halved, half), 0.0);
}

#[test]
fn a_factor_that_is_no_number_leaves_every_bit() {
    let bits = |tensor: &Tensor<2>| -> Vec<u32> {
        let values: Vec<f32> = tensor.clone().try_into_vec_as().unwrap();
        values.into_iter().map(f32::to_bits).collect()
    };
    let bits =
        |tensors: &AdamWTensors<2>| [&tensors.parameter, &tensors.first, &tensors.second].map(bits);
    let scaled_by_parameter = AdamWStep {
        min_scale: Some(1e-3),
        ..step()
    };
    for step in [step(), scaled_by_parameter] {
        for update in [adamw::<2>, reference::adamw] {
            let old = AdamWTensors {
                parameter: random([33, 65]),
                first: random([33, 65]),
                second: random([33, 65]),
            };
            let before = bits(&old);
            let gradient = scaled(random([33, 65]) / 0.0, f32::NAN);
            assert!(bits(&update(&step, old, gradient)) == before);
        }
    }
}
