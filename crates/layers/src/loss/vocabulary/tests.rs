//! Losses by chunks of rows beside those of all logits.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::module::Param;
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Device, Gradients};
use lamplight_testing::{assert_close, test_device};

use super::*;
use crate::initializer::draw_all;
use crate::linear::project;
use crate::loss::{WeightedSum, cross_entropy, smoothed_cross_entropy};

const VOCAB_SIZE: usize = 5;
const NUM_ROWS: usize = 7;
/// Chunks of 3, 3 and 1 rows.
const SIZE: usize = 3;

/// A table that is looked up below the head and, transposed and with a bias, is the head.
#[derive(Module, Debug)]
struct Tied {
    table: Embedding,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    num_calls: Arc<AtomicUsize>,
}

impl Tied {
    fn new(device: &Device) -> Self {
        let bias = Tensor::from_data([0.5, -0.3, 0.0, 1.0, 0.2], device);
        draw_all(Self {
            table: EmbeddingConfig::new(VOCAB_SIZE, 4).init(device),
            bias: Param::from_tensor(bias),
            num_calls: Arc::default(),
        })
    }

    fn states(&self, device: &Device) -> States {
        let ids = Tensor::<2, Int>::from_ints([[0, 1, 2, 3, 4, 0, 1]], device);
        let hidden = self.table.forward(ids).flatten::<2>(0, 1);
        States {
            hidden: hidden.clone() * hidden,
            targets: Tensor::from_ints([4, 0, 2, 2, 1, 0, 3], device),
            weights: Tensor::from_data([1.0, 0.0, 1.0, 2.0, 1.0, 0.5, 1.0], device),
        }
    }
}

impl VocabularyHead for Tied {
    fn head(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.num_calls.fetch_add(1, Ordering::Relaxed);
        let matrix = self.table.weight.val().transpose();
        project(hidden, matrix, Some(self.bias.val()))
    }
}

/// A loss of the three means, each with a coefficient.
fn mixed(loss: SmoothedCrossEntropy) -> Tensor<1> {
    let CrossEntropy { nll, squared_log_z } = loss.targets;
    let mean = |sum: WeightedSum| sum.mean();
    mean(nll) * 0.9 + mean(squared_log_z) * 0.01 + mean(loss.uniform) * 0.1
}

/// Loss and gradients of table and bias.
fn step(model: &Tied, loss: Tensor<1>, tape: Tape) -> [Vec<f32>; 3] {
    let mut sums = [vec![loss.clone().into_scalar()], vec![], vec![]];
    tape.backward(loss, |part| {
        add(&mut sums[1], &model.table.weight.val(), &part);
        add(&mut sums[2], &model.bias.val(), &part);
    });
    sums
}

fn add<const D: usize>(sum: &mut Vec<f32>, parameter: &Tensor<D>, part: &Gradients) {
    let Some(gradient) = parameter.grad(part) else {
        return;
    };
    let found = gradient.into_data().try_to_vec::<f32>().unwrap();
    sum.resize(found.len(), 0.0);
    (sum.iter_mut().zip(found)).for_each(|(sum, value)| *sum += value);
}

fn assert_same(found: &[Vec<f32>; 3], expected: &[Vec<f32>; 3]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!(!expected.is_empty());
        assert_close("loss and gradients", found, expected, 1e-5, 1e-6);
    }
}

#[test]
fn chunks_give_the_loss_and_gradients_of_all_logits() {
    let device = test_device().autodiff();
    let model = Tied::new(&device);
    let tape = |recompute| Tape::new(&device, 1, recompute);

    let States {
        hidden,
        targets,
        weights,
    } = model.states(&device);
    let loss = smoothed_cross_entropy(model.head(hidden), targets, weights);
    let expected = step(&model, mixed(loss), tape(false));
    for rows_of_chunk in [1, SIZE, NUM_ROWS - 1, NUM_ROWS] {
        let tape = tape(true);
        let states = model.states(&device);
        let weights = states.weights.clone();
        let scores = states.scores(&model, &tape, rows_of_chunk, smoothed_scores);
        let loss = mixed(SmoothedCrossEntropy::new(scores, weights));
        assert_same(&step(&model, loss, tape), &expected);
    }
}

#[test]
fn without_smoothing_they_do_too() {
    let device = test_device().autodiff();
    let model = Tied::new(&device);
    let mean = |loss: CrossEntropy| loss.nll.mean();

    let plain = model.states(&device);
    let loss = cross_entropy(model.head(plain.hidden), plain.targets, plain.weights);
    let expected = step(&model, mean(loss), Tape::new(&device, 1, false));
    let tape = Tape::new(&device, 1, true);
    let states = model.states(&device);
    let weights = states.weights.clone();
    let scores = states.scores(&model, &tape, SIZE, scores);
    let loss = mean(CrossEntropy::new(scores, weights));
    assert_same(&step(&model, loss, tape), &expected);
}

#[test]
fn all_chunks_but_the_last_are_computed_twice_and_only_on_a_tape_that_recomputes() {
    let device = test_device().autodiff();
    for (recompute, rows_of_chunk, num_calls) in [
        (false, SIZE, 1),
        (true, NUM_ROWS, 1),
        (true, SIZE, 2 + 2 + 1),
    ] {
        let model = Tied::new(&device);
        let tape = Tape::new(&device, 1, recompute);
        let states = model.states(&device);
        let [log_z, _] = states.scores(&model, &tape, rows_of_chunk, scores);
        step(&model, log_z.sum(), tape);
        assert_eq!(model.num_calls.load(Ordering::Relaxed), num_calls);
    }
}

#[test]
fn a_frozen_head_passes_gradients_through() {
    let device = test_device().autodiff();
    let model = Tied::new(&device);
    let frozen = model.clone().no_grad();
    let [kept, recomputed] = [NUM_ROWS, SIZE].map(|rows_of_chunk| {
        let tape = Tape::new(&device, 1, true);
        let [log_z, target_logit] =
            (model.states(&device)).scores(&frozen, &tape, rows_of_chunk, scores);
        step(&model, (log_z - target_logit).sum(), tape)
    });
    assert!(kept[2].is_empty() && recomputed[2].is_empty());
    assert_close("table", &recomputed[1], &kept[1], 1e-5, 1e-6);
}
