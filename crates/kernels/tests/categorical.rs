//! How often each index is drawn, and what decides.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use burn::tensor::{DType, Int, Tensor, TensorData};
use lamplight_kernels::categorical::{categorical, reference};
use lamplight_testing::{drawing, test_device};

fn read(drawn: Tensor<1, Int>) -> Vec<usize> {
    let drawn: Vec<i64> = drawn.try_into_vec_as().unwrap();
    drawn.into_iter().map(|index| index as usize).collect()
}

/// The same logits in each row.
fn rows_of(logits: &[f32], rows: usize) -> Tensor<2> {
    let data = TensorData::new(logits.to_vec(), [1, logits.len()]);
    Tensor::<2>::from_data(data, &test_device()).expand([rows, logits.len()])
}

/// Probabilities far from equal.
fn softmax(logits: &[f32]) -> Vec<f64> {
    let weights = logits.iter().map(|&logit| f64::from(logit).exp());
    let total: f64 = weights.clone().sum();
    weights.map(|weight| weight / total).collect()
}

/// Pearson's statistic may be above its mean by six standard deviations, and by ten as its tail is longer than a normal one.
fn assert_drawn_from(probabilities: &[f64], drawn: &[usize]) {
    let mut counts = vec![0.0; probabilities.len()];
    drawn.iter().for_each(|&index| counts[index] += 1.0);
    let num = drawn.len() as f64;
    let pairs = counts.iter().zip(probabilities);
    let statistic: f64 = pairs
        .map(|(count, probability)| (count - num * probability).powi(2) / (num * probability))
        .sum();
    let freedom = probabilities.len() as f64 - 1.0;
    let excess = statistic - freedom;
    assert!(
        excess < 10.0 + 6.0 * (2.0 * freedom).sqrt(),
        "{statistic} at {freedom}"
    );
}

#[test]
fn indices_follow_the_softmax_as_those_of_the_reference_do() {
    let _drawing = drawing();
    test_device().seed(3);
    // Two, not a power of two, a cube and one more, and several for each unit of a cube.
    for (classes, rows) in [(2, 200_000), (7, 200_000), (257, 20_000), (1300, 8000)] {
        let logits: Vec<f32> = (0..classes)
            .map(|class| (class * 7 % 13) as f32 / 4.0 - 40.0)
            .collect();
        let probabilities = softmax(&logits);
        for drawn in [
            categorical(rows_of(&logits, rows)),
            reference::categorical(rows_of(&logits, rows)),
        ] {
            assert_eq!(drawn.dims(), [rows]);
            assert_drawn_from(&probabilities, &read(drawn));
        }
    }
}

#[test]
fn rows_and_draws_are_independent() {
    let _drawing = drawing();
    test_device().seed(5);
    let logits = rows_of(&[0.0; 3], 20_000);
    let [first, second] = [(); 2].map(|()| read(categorical(logits.clone())));
    let both = |(one, other): (&usize, &usize)| 3 * one + other;
    for shift in [1, 2, 64, 256] {
        let pairs: Vec<usize> = first.iter().zip(&first[shift..]).map(both).collect();
        assert_drawn_from(&[1.0 / 9.0; 9], &pairs);
    }
    let pairs: Vec<usize> = first.iter().zip(&second).map(both).collect();
    assert_drawn_from(&[1.0 / 9.0; 9], &pairs);
}

#[test]
fn each_row_has_its_own_logits() {
    let _drawing = drawing();
    let device = test_device();
    let (rows, classes) = (40, 1300);
    let only = |row: usize| row * 331 % classes;
    let mut logits = vec![f32::NEG_INFINITY; rows * classes];
    (0..rows).for_each(|row| logits[row * classes + only(row)] = -7.0);
    let expected: Vec<usize> = (0..rows).map(only).collect();
    let logits = Tensor::<2>::from_data(TensorData::new(logits, [rows, classes]), &device);
    assert_eq!(read(categorical(logits.clone())), expected);
    // Turned, so that elements do not lie in the order of their indices.
    let turned: Tensor<2> = Tensor::from_data(logits.clone().transpose().into_data(), &device);
    assert_eq!(read(categorical(turned.transpose())), expected);
}

#[test]
fn an_index_without_probability_is_never_drawn() {
    let _drawing = drawing();
    test_device().seed(7);
    let logits: Vec<f32> = (0..300)
        .map(|class| match class % 3 {
            1 => (class % 2) as f32,
            _ => f32::NEG_INFINITY,
        })
        .collect();
    let drawn = read(categorical(rows_of(&logits, 5000)));
    assert!(drawn.iter().all(|index| index % 3 == 1));
    let distinct: HashSet<usize> = drawn.into_iter().collect();
    assert_eq!(distinct.len(), 100);
    let impossible = rows_of(&[f32::NEG_INFINITY; 300], 5);
    assert_eq!(read(categorical(impossible)), [0; 5]);
}

#[test]
fn a_seed_decides_what_is_drawn() {
    let _drawing = drawing();
    let device = test_device();
    let after = |seed| {
        device.seed(seed);
        [(); 2].map(|()| read(categorical(rows_of(&[0.0; 300], 100))))
    };
    let first = after(1);
    assert_ne!(first[0], first[1]);
    assert_eq!(first, after(1));
    assert_ne!(first, after(2));
}

#[test]
fn half_precision_draws_what_the_same_logits_in_f32_do() {
    let _drawing = drawing();
    let device = test_device();
    let logits: Vec<f32> = (0..300).map(|class| (class % 17) as f32 * 0.37).collect();
    for dtype in [DType::BF16, DType::F16] {
        if !device.supports_dtype(dtype) {
            continue;
        }
        let half = rows_of(&logits, 100).cast(dtype);
        let [ours, theirs] = [half.clone(), half.cast(DType::F32)].map(|logits| {
            device.seed(13);
            read(categorical(logits))
        });
        assert_eq!(ours, theirs);
    }
}

#[test]
fn tracked_logits_are_drawn_from_and_no_rows_draw_nothing() {
    let _drawing = drawing();
    let device = test_device().autodiff();
    let logits = Tensor::<2>::from_data([[0.0, 90.0], [90.0, 0.0]], &device).require_grad();
    assert_eq!(read(categorical(logits * 2.0)), [1, 0]);
    assert_eq!(categorical(Tensor::zeros([0, 7], &device)).dims(), [0]);
}
