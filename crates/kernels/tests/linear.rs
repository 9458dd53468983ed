//! Affine maps against their reference, gradients included.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Distribution, Tensor};
use lamplight_kernels::linear::{linear, quantize, reference};
use lamplight_testing::{assert_close, test_device, test_device_choice};

/// Output and gradients of input, weight and bias.
fn results(
    [input, weight]: [&Tensor<2>; 2],
    bias: &Tensor<1>,
    run: impl FnOnce(Tensor<3>, Tensor<2>, Tensor<1>) -> Tensor<3>,
    is_transposed: bool,
) -> [Vec<f32>; 4] {
    let [rows, inputs] = input.dims();
    let matrix = match is_transposed {
        true => weight.clone().transpose(),
        false => weight.clone(),
    };
    let output = run(
        input.clone().reshape([rows, 1, inputs]),
        matrix,
        bias.clone(),
    );
    let gradients = (output.clone().sin() * 2.0).sum().backward();
    let read = |tensor: Tensor<2>| tensor.into_data().try_to_vec().unwrap();
    [
        output.inner().into_data().try_to_vec().unwrap(),
        read(input.grad(&gradients).unwrap()),
        read(weight.grad(&gradients).unwrap()),
        bias.grad(&gradients)
            .unwrap()
            .into_data()
            .try_to_vec()
            .unwrap(),
    ]
}

#[test]
fn outputs_and_gradients_are_those_of_the_reference() {
    let device = test_device().autodiff();
    let random = |shape: [usize; 2]| {
        Tensor::<2>::random(shape, Distribution::Normal(0.0, 0.3), &device).require_grad()
    };
    for [rows, inputs, outputs] in [
        [1, 1, 1],
        [1, 7, 9],
        [5, 3, 1],
        [4, 520, 1030],
        [7, 300, 900],
        [8, 96, 3000],
        [16, 300, 3000],
        [33, 17, 65],
        [130, 129, 200],
        [1030, 5, 70],
    ] {
        for is_transposed in [false, true] {
            let input = random([rows, inputs]);
            let weight = match is_transposed {
                true => random([outputs, inputs]),
                false => random([inputs, outputs]),
            };
            let bias = random([1, outputs])
                .reshape([outputs])
                .detach()
                .require_grad();
            let (ours, theirs) = (
                |x, w, b| linear(x, w, Some(b)),
                |x, w, b| reference::linear(x, w, Some(b)),
            );
            let ours = results([&input, &weight], &bias, ours, is_transposed);
            let theirs = results([&input, &weight], &bias, theirs, is_transposed);
            for (name, (ours, theirs)) in ["output", "input", "weight", "bias"]
                .into_iter()
                .zip(ours.iter().zip(&theirs))
            {
                assert_close(name, ours, theirs, 1e-4, 1e-5);
            }
        }
    }
}

#[test]
fn without_bias_and_for_several_axes() {
    let device = test_device();
    let input = Tensor::<4>::random([2, 3, 4, 5], Distribution::Default, &device);
    let weight = Tensor::<2>::random([5, 6], Distribution::Default, &device);
    // The axes out of order, so that the rows have to be copied.
    let input = input.swap_dims(0, 2);
    let ours = linear(input.clone(), weight.clone(), None);
    assert_eq!(ours.dims(), [4, 3, 2, 6]);
    let theirs = reference::linear(input, weight, None);
    let read = |tensor: Tensor<4>| tensor.into_data().try_to_vec::<f32>().unwrap();
    assert_close("output", &read(ours), &read(theirs), 1e-5, 1e-6);
}

#[test]
fn rows_that_are_one_row_broadcast_are_taken_as_they_lie() {
    let device = test_device().autodiff();
    let input = Tensor::<2>::random([1, 5], Distribution::Default, &device).require_grad();
    let weight = Tensor::<2>::random([5, 3], Distribution::Default, &device).require_grad();
    let run = |linear: fn(Tensor<2>, Tensor<2>, Option<Tensor<1>>) -> Tensor<2>| {
        // The mean over rows sends the same row to each of them.
        let output = linear(input.clone().expand([4, 5]), weight.clone(), None);
        let gradients = output.mean_dim(0).sin().sum().backward();
        let read = |leaf: &Tensor<2>| leaf.grad(&gradients).unwrap().into_data();
        [&input, &weight].map(|leaf| read(leaf).try_to_vec::<f32>().unwrap())
    };
    let (ours, theirs) = (run(linear), run(reference::linear));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_close("gradient", ours, theirs, 1e-5, 1e-6);
    }
}

/// On devices without such weights this is for the day that they have them.
#[test]
fn weights_of_8_bits_give_what_their_f32_copies_give() {
    let device = test_device();
    if test_device_choice().backend.name() != "flex" {
        return;
    }
    let random =
        |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Normal(0.0, 0.3), &device);
    for [rows, inputs, outputs] in [
        [1, 1, 1],
        [1, 7, 9],
        [4, 512, 1030],
        [7, 130, 900],
        [8, 96, 3000],
        [16, 96, 3000],
        [33, 300, 65],
    ] {
        let (input, weight) = (random([rows, inputs]), random([inputs, outputs]));
        let bias = random([1, outputs]).reshape([outputs]);
        let quantized = quantize(weight.clone());
        let copy = quantized.clone().dequantize().transpose();
        let read = |tensor: Tensor<2>| tensor.into_data().try_to_vec::<f32>().unwrap();
        // Each weight is at most half a step off, of which the largest of its block is 127.
        let step = weight.clone().abs().max().into_scalar::<f32>() / 127.0;
        assert_close(
            "weights",
            &read(copy.clone()),
            &read(weight),
            0.0,
            0.501 * step,
        );
        let ours = linear(input.clone(), quantized, Some(bias.clone()));
        let theirs = reference::linear(input, copy, Some(bias));
        assert_close("output", &read(ours), &read(theirs), 1e-4, 2e-5);
    }
}
