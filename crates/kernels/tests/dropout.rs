//! What is dropped, and what its gradient is.
#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Distribution, Int, Tensor};
use lamplight_kernels::dropout::{dropout, dropout_onto};
use lamplight_testing::{assert_close, drawing, test_device};

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

/// Which of as many ones are dropped after a seed.
fn dropped(prob: f64, num: usize) -> Vec<bool> {
    let ones = Tensor::<1>::ones([num], &test_device());
    let output = read(dropout(ones, prob));
    output.iter().map(|&element| element == 0.0).collect()
}

/// The share of places at which both are dropped.
fn share_of_both(a: &[bool], b: &[bool]) -> f64 {
    let num_both = a.iter().zip(b).filter(|&(&a, &b)| a && b).count();
    num_both as f64 / a.len().min(b.len()) as f64
}

#[test]
fn what_is_kept_is_scaled_and_the_gradient_is_the_same_factor() {
    let device = test_device().autodiff();
    let _drawing = drawing();
    device.seed(2);
    for shape in [[1, 1], [7, 33], [300, 257]] {
        let num_elements = shape.iter().product::<usize>() as i64;
        let input = Tensor::<1, Int>::arange(1..num_elements + 1, &device).float();
        let input: Tensor<2> = input.reshape(shape).require_grad();
        // Turned, so that elements do not lie in the order of their indices.
        let output = dropout(input.clone().transpose(), 0.25);
        let gradients = (output.clone() * 2.0).sum().backward();
        let factors = read(output.inner().transpose() / input.clone().inner());
        let gradient = read(input.grad(&gradients).unwrap() / 2.0);
        for (factor, gradient) in factors.iter().zip(&gradient) {
            assert!(*factor == 0.0 || (factor - 4.0 / 3.0).abs() < 1e-6);
            assert!((factor - gradient).abs() < 1e-6);
        }
    }
}

#[test]
fn what_is_dropped_onto_a_residual_is_what_is_dropped_alone() {
    let device = test_device().autodiff();
    let _drawing = drawing();
    let random = |shape: [usize; 2]| {
        let values = Tensor::<2>::random(shape, Distribution::Default, &device);
        values.require_grad()
    };
    for shape in [[1, 1], [33, 7], [300, 257]] {
        let (residual, input) = (random([shape[1], shape[0]]), random(shape));
        let results = |run: fn(Tensor<2>, Tensor<2>) -> Tensor<2>| {
            device.seed(3);
            let output = run(residual.clone().transpose(), input.clone());
            let gradients = output.clone().sin().sum().backward();
            let of_leaves = [&residual, &input].map(|leaf| read(leaf.grad(&gradients).unwrap()));
            (read(output.inner()), of_leaves)
        };
        let ours = results(|residual, input| dropout_onto(residual, input, 0.25));
        let apart = results(|residual, input| residual + dropout(input, 0.25));
        assert_close("output", &ours.0, &apart.0, 1e-6, 0.0);
        for (ours, apart) in ours.1.iter().zip(&apart.1) {
            assert_close("gradient", ours, apart, 1e-6, 0.0);
        }
    }
}

#[test]
fn draws_are_independent_of_their_neighbours_and_of_each_other() {
    let _drawing = drawing();
    test_device().seed(4);
    let [first, second] = [(); 2].map(|()| dropped(0.3, 300_000));
    let num_dropped = first.iter().filter(|&&dropped| dropped).count();
    // Five standard deviations each.
    assert!((num_dropped as f64 / 3e5 - 0.3).abs() < 0.0042);
    for shift in [1, 2, 3, 64, 256, 65536] {
        let share = share_of_both(&first, &first[shift..]);
        assert!((share - 0.09).abs() < 0.003, "{shift}: {share}");
    }
    let share = share_of_both(&first, &second);
    assert!((share - 0.09).abs() < 0.0027, "{share}");
}

#[test]
fn a_seed_decides_what_is_dropped() {
    let _drawing = drawing();
    let device = test_device();
    let after = |seed| {
        device.seed(seed);
        dropped(0.5, 1000)
    };
    let first = after(1);
    assert_eq!(first, after(1));
    assert_ne!(first, after(2));
}

#[test]
fn half_precision_stays_so() {
    let _drawing = drawing();
    let device = test_device();
    for dtype in [DType::BF16, DType::F16] {
        if !device.supports_dtype(dtype) {
            continue;
        }
        let output = dropout(Tensor::<1>::ones([1000], &device).cast(dtype), 0.5);
        assert_eq!(output.dtype(), dtype);
        let output = read(output.cast(DType::F32));
        assert!(
            output
                .iter()
                .all(|&element| element == 0.0 || element == 2.0)
        );
        assert!(output.contains(&0.0) && output.contains(&2.0));
    }
}
