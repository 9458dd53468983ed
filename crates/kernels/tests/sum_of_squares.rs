//! Sums of squares against their reference.
#![allow(clippy::unwrap_used)]

use burn::tensor::{DType, Distribution, Tensor};
use lamplight_kernels::sum_of_squares::{SumOfSquares, reference};
use lamplight_testing::{assert_close, test_device};

fn read(tensor: Tensor<1>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.3, 1.0), &test_device())
}

fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let mut sum = SumOfSquares::default();
    sum.add(tensor);
    sum.finish().unwrap()
}

#[test]
fn several_tensors_add_up() {
    assert!(SumOfSquares::default().finish().is_none());
    let (one, two, three) = (random([7]), random([300, 77]), random([2, 3, 4]));
    let mut sum = SumOfSquares::default();
    sum.add(one.clone());
    sum.add(two.clone());
    sum.add(three.clone());
    let parts = [
        reference::sum_of_squares(one),
        reference::sum_of_squares(two),
        reference::sum_of_squares(three),
    ];
    let expected: f32 = parts.map(|part| read(part)[0]).iter().sum();
    let sum = read(sum.finish().unwrap());
    assert_close("sum", &sum, &[expected], 1e-5, 0.0);
}

/// More than a launch takes, of sizes that differ, not all of one type.
#[test]
fn every_one_of_many_tensors_counts_once() {
    let device = test_device();
    let mut sum = SumOfSquares::default();
    let mut expected = 0;
    for index in 0..150 {
        let len = index * index * 3 % 9001;
        let value = index % 5;
        let tensor = Tensor::<1>::full([len], value as f32, &device);
        match index % 7 == 0 && device.supports_dtype(DType::F16) {
            true => sum.add(tensor.cast(DType::F16)),
            false => sum.add(tensor),
        }
        expected += len * value * value;
    }
    // No sum of these integers is rounded.
    assert_eq!(read(sum.finish().unwrap()), [expected as f32]);
}

#[test]
fn the_sum_is_that_of_the_reference() {
    // None, fewer than a cube has units, as many elements as a cube and one more, several chunks and a rest, and more cubes
    // than there are at most.
    for num in [0, 1, 21, 4096, 4097, 77_100, 4_200_001] {
        let tensor = random([num]);
        let sum = read(sum_of_squares(tensor.clone()));
        let reference = read(reference::sum_of_squares(tensor.clone()));
        let squares = read(tensor).into_iter().map(|x| f64::from(x).powi(2));
        let exact = squares.sum::<f64>() as f32;
        assert_close("sum", &sum, &[exact], 1e-5, 0.0);
        // Some devices add all squares up one after the other.
        assert_close("reference", &reference, &[exact], 1e-3, 0.0);
    }
}

/// Each element is seen alone, wherever it lies.
#[test]
fn every_element_counts_once() {
    let device = test_device();
    let num = 300_000;
    for place in [0, 1, 255, 256, 4095, 4096, 65_536, num - 1] {
        let zeros = Tensor::<1>::zeros([num], &device);
        let tensor = zeros.slice_fill(place..place + 1, 3.0);
        assert_eq!(read(sum_of_squares(tensor)), [9.0], "{place}");
    }
    // Of ones no sum is rounded.
    let ones = Tensor::<1>::ones([num], &device);
    assert_eq!(read(sum_of_squares(ones)), [num as f32]);
}

#[test]
fn only_the_elements_of_the_tensor_count() {
    let device = test_device();
    let whole = Tensor::<2>::from_data([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &device);
    let part = whole.narrow(1, 1, 2).transpose(); // [[2, 5], [3, 6]]
    assert_eq!(read(sum_of_squares(part)), [74.0]);
}

#[test]
fn the_same_elements_have_the_same_sum() {
    let tensor = random([1000, 301]);
    let first = read(sum_of_squares(tensor.clone()));
    for _ in 0..5 {
        assert_eq!(read(sum_of_squares(tensor.clone())), first);
    }
}

#[test]
fn half_precision_is_summed_in_f32() {
    let device = test_device();
    for dtype in [DType::BF16, DType::F16] {
        if !device.supports_dtype(dtype) {
            continue;
        }
        let half = random([77, 129]).cast(dtype);
        let sum = sum_of_squares(half.clone());
        assert_eq!(sum.dtype(), DType::F32);
        let reference = reference::sum_of_squares(half);
        assert_close("sum", &read(sum), &read(reference), 1e-5, 0.0);
    }
}
