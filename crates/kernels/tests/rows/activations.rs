//! Activations.

use burn::tensor::{DType, Tensor};
use lamplight_kernels::activation::{Function, activation, gated, reference};
use lamplight_kernels::processor::is_processor;
use lamplight_testing::{assert_close, test_device};

use crate::{HALVES, SHAPES, assert_all_close, random, read, results, results_of};

const FUNCTIONS: [Function; 4] = [
    Function::Relu,
    Function::Gelu,
    Function::GeluTanh,
    Function::Silu,
];

#[test]
fn activations_are_those_of_the_reference() {
    let device = test_device().autodiff();
    let on_shapes = |function| SHAPES.map(|shape| (function, shape));
    for (function, shape) in FUNCTIONS.into_iter().flat_map(on_shapes) {
        let (gate, input) = (random(shape, &device), random(shape, &device));
        let ours = results(activation(gate.clone(), function), &[&gate], &[]);
        let theirs = reference::activation(gate.clone(), function);
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
        let theirs = reference::gated(gate.clone(), input.clone(), function);
        let theirs = results(theirs, &[&gate, &input], &[]);
        assert_all_close(&format!("gated {function:?}"), &ours, &theirs);
    }
}

#[test]
fn gate_and_input_may_lie_in_any_order() {
    let device = test_device().autodiff();
    let (gate, input) = (random([7, 33], &device), random([33, 7], &device));
    let [ours, theirs] = [gated, reference::gated].map(|gated| {
        let output = gated(gate.clone().transpose(), input.clone(), Function::Silu);
        results(output.transpose(), &[&gate, &input], &[])
    });
    assert_all_close("turned", &ours, &theirs);
}

/// Computed in f32 and rounded once, as the reference in f32 is when its output is cast.
#[test]
fn activations_of_half_precision_are_those_of_the_same_numbers_in_f32() {
    let device = test_device().autodiff();
    for ((dtype, rounding), function) in HALVES
        .into_iter()
        .flat_map(|half| FUNCTIONS.map(|function| (half, function)))
    {
        // A processor rounds at each step.
        if is_processor(&device) || !device.supports_dtype(dtype) {
            continue;
        }
        let (gate, input) = (random([5, 33], &device), random([5, 33], &device));
        let factors = random([5, 33], &device).detach();
        let results = |[alone, gated]: [Tensor<2>; 2]| {
            assert_eq!((alone.dtype(), gated.dtype()), (dtype, dtype));
            let output = alone.cast(DType::F32) + gated.cast(DType::F32);
            // Linear, so that a rounding of the output does not change what comes from above.
            let loss = output.clone() * factors.clone();
            results_of(loss, output, &[&gate, &input], &[])
        };
        let half = || [&gate, &input].map(|tensor| tensor.clone().cast(dtype));
        let [x, y] = half();
        let ours = results([activation(x.clone(), function), gated(x, y, function)]);
        let [x, y] = half().map(|tensor| tensor.cast(DType::F32));
        let theirs = [
            reference::activation(x.clone(), function),
            reference::gated(x, y, function),
        ];
        let theirs = results(theirs.map(|tensor| tensor.cast(dtype)));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_close("half precision", ours, theirs, 4.0 * rounding, 0.0);
        }
    }
}

#[test]
fn activations_are_finite_far_from_zero() {
    let device = test_device().autodiff();
    let places = [-1e30, -1e4, -100.0, -9.0, 0.0, 9.0, 100.0, 1e4];
    for function in FUNCTIONS {
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
