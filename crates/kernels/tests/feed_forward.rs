//! Feed-forward layers against their reference, and their gradients.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Device, Distribution, Tensor};
use lamplight_kernels::activation::Function;
use lamplight_kernels::feed_forward::{Projection, Projections, feed_forward, reference};
use lamplight_testing::{assert_close, test_device};

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 0.3), device)
}

fn projections(width: usize, inner: usize, has_bias: bool, device: &Device) -> Projections {
    let projection = |inputs, outputs| Projection {
        weight: random([inputs, outputs], device),
        bias: has_bias.then(|| random([outputs], device)),
    };
    Projections {
        inward: projection(width, inner),
        outward: projection(inner, width),
    }
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

#[test]
fn outputs_are_those_of_the_reference() {
    let device = test_device();
    // A row, few rows, rows of unequal blocks, and weights too large for the fused form.
    for [rows, width, inner] in [
        [1, 3, 5],
        [8, 16, 4],
        [9, 1, 1],
        [11, 7, 33],
        [130, 64, 96],
        [1030, 12, 20],
        [20, 300, 900],
    ] {
        for (function, has_bias) in [
            (Function::Relu, false),
            (Function::Gelu, true),
            (Function::GeluTanh, true),
            (Function::Silu, false),
        ] {
            let projections = projections(width, inner, has_bias, &device);
            let input = random([rows, 1, width], &device);
            let ours = feed_forward(input.clone(), projections.clone(), function);
            assert_eq!(ours.dims(), [rows, 1, width]);
            let theirs = reference::feed_forward(input, projections, function);
            assert_close("output", &read(ours), &read(theirs), 1e-4, 1e-5);
        }
    }
}

#[test]
fn weights_and_rows_are_taken_as_they_lie() {
    let device = test_device();
    let Projections { inward, outward } = projections(10, 14, true, &device);
    let transposed = |projection: Projection| Projection {
        weight: projection.weight.transpose(),
        bias: None,
    };
    // Both maps the other way round, over columns in place of rows.
    let projections = Projections {
        inward: transposed(outward),
        outward: transposed(inward),
    };
    let input = random([10, 40], &device).transpose();
    let ours = feed_forward(input.clone(), projections.clone(), Function::Relu);
    let theirs = reference::feed_forward(input, projections, Function::Relu);
    assert_close("output", &read(ours), &read(theirs), 1e-4, 1e-5);
}

#[test]
fn gradients_are_those_of_the_reference() {
    let device = test_device().autodiff();
    let Projections { inward, outward } = projections(6, 9, true, &device);
    let inward = Projection {
        weight: inward.weight.require_grad(),
        ..inward
    };
    let input = random([20, 6], &device).require_grad();
    type Run = fn(Tensor<2>, Projections, Function) -> Tensor<2>;
    let run = |feed_forward: Run| {
        let projections = Projections {
            inward: inward.clone(),
            outward: outward.clone(),
        };
        let output = feed_forward(input.clone(), projections, Function::Gelu);
        let gradients = output.sin().sum().backward();
        [&input, &inward.weight].map(|leaf| read(leaf.grad(&gradients).unwrap()))
    };
    let (ours, theirs) = (run(feed_forward), run(reference::feed_forward));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_close("gradient", ours, theirs, 1e-4, 1e-5);
    }
}
