//! Activations.

use burn::tensor::Tensor;
use lamplight_kernels::activation::{Function, activation, gated, reference};
use lamplight_kernels::processor::is_processor;
use lamplight_testing::{assert_close, test_device};

use crate::{SHAPES, assert_all_close, random, read, results};

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
