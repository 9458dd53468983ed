//! The tape on toy blocks: what it computes, how often, and what it passes on.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Gradients, Int, Tensor};
use lamplight_layers::attention::{
    AttentionBias, AttentionInput, MultiHeadAttention, MultiHeadAttentionConfig,
};
use lamplight_layers::block::{Block, BlockInput, BlockOutput, Pass};
use lamplight_layers::initializer::Initializer;
use lamplight_layers::leaf::Leaf;
use lamplight_layers::recompute::Tape;
use lamplight_testing::{assert_close, test_device};

/// `x + linear(x) * attention(x)`.
#[derive(Module, Debug)]
struct Toy {
    linear: Linear,
    attention: MultiHeadAttention,
    #[module(skip)]
    num_calls: Arc<AtomicUsize>,
}

impl Toy {
    fn new(device: &Device) -> Self {
        let attention = MultiHeadAttentionConfig {
            d_model: 2,
            num_heads: 1,
            head_dim: 2,
            bias: false,
            scale: 1.0,
            dropout: 0.0,
            query: Initializer::Zeros,
            key_value: Initializer::Zeros,
            output: Initializer::Zeros,
        };
        let toy = Self {
            linear: LinearConfig::new(2, 2).init(device),
            attention: attention.init(device),
            num_calls: Arc::default(),
        };
        toy.map(&mut Filling(0))
    }

    fn num_calls(&self) -> usize {
        self.num_calls.load(Ordering::Relaxed)
    }
}

/// Weights that are the same in every run, and small: of large ones one key takes all the weight, and what is left of the
/// gradient of the bias is the order in which much larger numbers were added up.
struct Filling(i64);

impl ModuleMapper for Filling {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| {
            let numbers = self.0..self.0 + tensor.shape().num_elements() as i64;
            self.0 = numbers.end;
            let numbers = Tensor::<1, Int>::arange(numbers, &tensor.device().inner());
            Leaf::of(&tensor).with(numbers.float().sin().reshape(tensor.shape()) * 0.4)
        })
    }
}

impl Block for Toy {
    fn forward(&self, input: BlockInput) -> BlockOutput {
        self.num_calls.fetch_add(1, Ordering::Relaxed);
        let attention = self.attention.forward(AttentionInput {
            query: input.x.clone(),
            memory: input.x.clone(),
            bias: input.bias,
            wants_weights: input.wants_weights,
        });
        BlockOutput {
            x: input.x.clone() + self.linear.forward(input.x) * attention.context,
            self_attention: attention.weights,
            cross_attention: None,
        }
    }

    fn dtype(&self) -> DType {
        self.linear.weight.dtype()
    }
}

/// Leaves before the stack, from which its input and the bias that its blocks share are computed.
struct Before {
    x: Tensor<3>,
    bias: Tensor<4>,
}

impl Before {
    fn new(device: &Device) -> Self {
        let x = Tensor::<3>::from_data([[[0.5, -1.0], [2.0, 0.3]]], device);
        let bias = Tensor::<4>::from_data([[[[0.7, 0.2, -0.4]]]], device);
        Self {
            x: x.require_grad(),
            bias: bias.require_grad(),
        }
    }
}

/// Runs both blocks and gives the gradients of everything before them and in them, summed over
/// the parts of the backward pass.
fn gradients(blocks: &[Toy; 2], before: &Before, recompute: bool) -> Vec<Vec<f32>> {
    let tape = Tape::new(&before.x.device(), 3, recompute);
    let mut pass = Pass::Taped(&tape);
    let mask = Tensor::zeros([1, 1, 1, 2], &before.x.device());
    let bias = pass.share_bias(AttentionBias::by_distance(
        before.bias.clone() * 2.0,
        Some(mask),
    ));
    let mut x = pass.share(before.x.clone() * 3.0);
    for block in blocks {
        let input = BlockInput {
            x,
            bias: bias.clone(),
            memory: None,
            wants_weights: false,
        };
        x = pass.run(block, input);
    }
    let loss = x.square().sum();
    let mut sums = vec![Vec::new(); 4];
    tape.backward(loss, |part| {
        let found = [
            values(&before.x, &part),
            values(&before.bias, &part),
            values(&blocks[0].linear.weight.val(), &part),
            values(&blocks[1].linear.weight.val(), &part),
        ];
        for (sum, found) in sums.iter_mut().zip(found) {
            add(sum, found);
        }
    });
    sums
}

fn values<const D: usize>(tensor: &Tensor<D>, gradients: &Gradients) -> Vec<f32> {
    let gradient = tensor.grad(gradients);
    gradient.map_or_else(Vec::new, |g| g.into_data().try_to_vec().unwrap())
}

fn add(sum: &mut Vec<f32>, found: Vec<f32>) {
    if sum.is_empty() {
        *sum = found;
    } else {
        sum.iter_mut()
            .zip(found)
            .for_each(|(sum, value)| *sum += value);
    }
}

#[test]
fn gradients_reach_blocks_and_what_was_before_them() {
    let device = test_device().autodiff();
    let blocks = [Toy::new(&device), Toy::new(&device)];
    let before = Before::new(&device);
    let kept = gradients(&blocks, &before, false);
    let recomputed = gradients(&blocks, &before, true);
    for (kept, recomputed) in kept.iter().zip(&recomputed) {
        assert!(!kept.is_empty());
        assert_close("gradient", recomputed, kept, 1e-5, 0.0);
    }
}

#[test]
fn only_a_recomputed_block_runs_twice() {
    let device = test_device().autodiff();
    let blocks = [Toy::new(&device), Toy::new(&device)];
    let before = Before::new(&device);
    gradients(&blocks, &before, false);
    assert_eq!(blocks.each_ref().map(Toy::num_calls), [1, 1]);
    gradients(&blocks, &before, true);
    assert_eq!(blocks.each_ref().map(Toy::num_calls), [3, 3]);
}

#[test]
fn frozen_block_passes_gradients_through() {
    let device = test_device().autodiff();
    let frozen = || Toy::new(&device).no_grad();
    let blocks = [Toy::new(&device), frozen()];
    let before = Before::new(&device);
    let kept = gradients(&blocks, &before, false);
    let recomputed = gradients(&blocks, &before, true);
    assert!(recomputed[3].is_empty());
    for (kept, recomputed) in kept.iter().zip(&recomputed) {
        assert_close("gradient", recomputed, kept, 1e-5, 0.0);
    }
}

#[test]
fn device_without_gradients_runs_each_block_once() {
    let device = test_device();
    let block = Toy::new(&device);
    let tape = Tape::new(&device, 3, true);
    let input = BlockInput {
        x: Tensor::ones([1, 2, 2], &device),
        bias: AttentionBias::masked(Tensor::zeros([1, 1, 2, 2], &device)),
        memory: None,
        wants_weights: false,
    };
    assert_eq!(tape.run(&block, input).dims(), [1, 2, 2]);
    assert_eq!(block.num_calls(), 1);
}
