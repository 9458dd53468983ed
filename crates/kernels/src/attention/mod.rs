//! Attention that never holds all of its scores (Vaswani et al. 2017; Dao et al. 2022, "FlashAttention").

mod cpu;
mod cpu_backward;
#[cfg(feature = "cube")]
mod cube;
#[cfg(feature = "cube")]
mod cube_backward;
pub mod reference;
#[cfg(feature = "cube")]
mod softmax;
#[cfg(feature = "cube")]
mod tiles;

use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension, tensor::FloatTensor};
#[cfg(feature = "cube")]
use burn::tensor::Device;
use burn::tensor::{DType, Tensor};

use crate::host::Host;
use crate::processor::is_processor;
#[cfg(feature = "cube")]
use crate::product::product;
use crate::random::draw_seed;

/// The lowest sum of bias and mask; what lies below counts as this. Finite, so that a row without any visible position
/// gives a uniform distribution rather than NaN.
pub const MASKED_SCORE: f32 = -1e9;

/// What attention reads.
#[derive(Debug, Clone)]
pub struct AttentionTensors {
    /// `[batch, heads, target, head_dim]`.
    pub query: Tensor<4>,
    /// `[batch, heads, source, head_dim]`.
    pub key: Tensor<4>,
    /// `[batch, heads, source, head_dim]`.
    pub value: Tensor<4>,
    /// What is added to the scores, in f32, each axis broadcast: `[batch, heads, target, source]`. Where it depends on the
    /// distance from query to key alone, `[batch, heads, 1, target + source - 1]`: from the last query to the first key on.
    pub bias: Option<Tensor<4>>,
    /// As `bias`, but for each query and key, and taken for a constant.
    pub mask: Option<Tensor<4>>,
}

/// How the scores become weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionSettings {
    /// Factor on the scores.
    pub scale: f64,
    /// Probability of dropping a weight, in `[0, 1)`.
    pub dropout: f64,
}

/// `dropout(softmax(scale * query key^T + bias + mask)) value`, as `[batch, target, heads, head_dim]`. Its
/// memory is linear in the length where that of bias and mask is. Graphics cards hold products and weights all the same
/// where a bias for each query and key is trained, or where the heads are too wide for a tile.
///
/// # Panics
/// The shapes differ.
pub fn attention(tensors: AttentionTensors, settings: AttentionSettings) -> Tensor<4> {
    if is_processor(&tensors.query.device()) {
        return own(tensors, settings);
    }
    #[cfg(feature = "cube")]
    return match tiles::plan(&tensors) {
        Some(plan) => tiles::attention(tensors, settings, plan),
        None => with_own_softmax(tensors, settings),
    };
    #[cfg(not(feature = "cube"))]
    reference::attention(tensors, settings).context
}

/// Of graphics cards, where tiles do not fit.
#[cfg(feature = "cube")]
fn with_own_softmax(tensors: AttentionTensors, settings: AttentionSettings) -> Tensor<4> {
    use softmax::{ScoreSettings, SoftmaxOps};

    let device = tensors.query.device();
    let ([_, _, target, _], [_, _, source, _]) = (tensors.query.dims(), tensors.key.dims());
    let bias = or_zero(tensors.bias, &device);
    let score_settings = ScoreSettings {
        scale: settings.scale as f32,
        is_by_distance: is_by_distance(&bias, target, source),
    };
    let products = product(tensors.query, tensors.key.transpose());
    let weights = Tensor::from_dispatch(<Dispatch as SoftmaxOps>::softmax(
        products.into_dispatch(),
        bias.into_dispatch(),
        or_zero(tensors.mask, &device).into_dispatch(),
        score_settings,
    ));
    reference::context(weights, tensors.value, settings.dropout)
}

/// A bias or mask, or one that adds nothing.
#[cfg(feature = "cube")]
fn or_zero(addend: Option<Tensor<4>>, device: &Device) -> Tensor<4> {
    addend.unwrap_or_else(|| Tensor::zeros([1; 4], device))
}

/// In f32, to which processors turn half precision anyway.
fn own(tensors: AttentionTensors, settings: AttentionSettings) -> Tensor<4> {
    let (device, dtype) = (tensors.query.device(), tensors.query.dtype());
    let [_, heads, target, _] = tensors.query.dims();
    let [_, _, source, _] = tensors.key.dims();
    let spread = |tensor: Option<Tensor<4>>| {
        let tensor = tensor.unwrap_or_else(|| Tensor::zeros([1, 1, 1, source], &device));
        let [batch, _, _, width] = tensor.dims();
        match is_by_distance(&tensor, target, source) {
            true => tensor.expand([batch, heads, 1, width]),
            false => tensor.expand([batch, heads, target, source]),
        }
    };
    let seed = match settings.dropout > 0.0 {
        true => draw_seed(&device),
        false => 0,
    };
    let context: Tensor<4> = Tensor::from_dispatch(<Dispatch as AttentionOps>::attention(
        tensors.query.cast(DType::F32).into_dispatch(),
        tensors.key.cast(DType::F32).into_dispatch(),
        tensors.value.cast(DType::F32).into_dispatch(),
        spread(tensors.bias).into_dispatch(),
        spread(tensors.mask).into_dispatch(),
        settings,
        seed,
    ));
    context.cast(dtype)
}

/// Whether a bias has a place for each distance, not for each query and key. A single query has one key at each distance.
fn is_by_distance(bias: &Tensor<4>, target: usize, source: usize) -> bool {
    let [_, _, rows, width] = bias.dims();
    target > 1 && rows == 1 && width == target + source - 1
}

/// Backends with a form of their own.
#[backend_extension(Flex: cfg(feature = "flex"), NdArray: cfg(feature = "ndarray"), Autodiff)]
pub trait AttentionOps: Backend {
    /// As [`attention`]; bias and mask are broadcast over the batch only, or the bias goes by distance; `seed` decides what
    /// is dropped.
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        settings: AttentionSettings,
        seed: u64,
    ) -> FloatTensor<Self>;
}

/// The tensors of the operation.
#[derive(Debug, Clone)]
struct Inputs<B: Backend> {
    query: FloatTensor<B>,
    key: FloatTensor<B>,
    value: FloatTensor<B>,
    bias: FloatTensor<B>,
    mask: FloatTensor<B>,
    settings: AttentionSettings,
    seed: u64,
}

/// Gradients of the inputs in their shapes.
struct InputGradients<B: Backend> {
    query: FloatTensor<B>,
    key: FloatTensor<B>,
    value: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
}

impl<B: Backend> InputGradients<B> {
    /// Passes each on to the input that it is of.
    fn register(self, inputs: [Option<NodeId>; 4], gradients: &mut Gradients) {
        let found = [
            Some(self.query),
            Some(self.key),
            Some(self.value),
            self.bias,
        ];
        for (input, gradient) in inputs.into_iter().zip(found) {
            if let (Some(input), Some(gradient)) = (input, gradient) {
                gradients.register::<B>(input, gradient);
            }
        }
    }
}

/// Of one softmax. Apart, since beside the scores of a row that is all masked the logarithm of a sum is rounded away.
#[derive(Debug, Clone, Copy, Default)]
struct Normalizer {
    highest_score: f32,
    /// One over the sum of the exponentials, each less by the highest score.
    factor: f32,
}

impl<B: Host> AttentionOps for B {
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        settings: AttentionSettings,
        seed: u64,
    ) -> FloatTensor<Self> {
        let inputs = Inputs {
            query,
            key,
            value,
            bias,
            mask,
            settings,
            seed,
        };
        cpu::forward::<B>(&inputs.visible()).0
    }
}

impl<B: Host, C: CheckpointStrategy> AttentionOps for Autodiff<B, C> {
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        settings: AttentionSettings,
        seed: u64,
    ) -> FloatTensor<Self> {
        let nodes = [query.node(), key.node(), value.node(), bias.node()];
        let inputs = Inputs {
            query: query.into_primitive(),
            key: key.into_primitive(),
            value: value.into_primitive(),
            bias: bias.into_primitive(),
            mask: mask.into_primitive(),
            settings,
            seed,
        };
        let inputs = inputs.visible();
        let (context, normalizers) = cpu::forward::<B>(&inputs);
        match AttentionBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish((inputs, normalizers.into()), context),
            OpsKind::UnTracked(prepared) => prepared.finish(context),
        }
    }
}

#[derive(Debug)]
struct AttentionBackward;

impl<B: Host> Backward<B, 4> for AttentionBackward {
    /// With the normalizers of the softmaxes, `[batch, heads, target]`.
    type State = (Inputs<B>, Arc<[Normalizer]>);

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let (inputs, normalizers) = ops.state;
        let nodes = ops.parents.map(|node| node.map(|node| node.id));
        let has_bias = nodes[3].is_some();
        cpu_backward::backward::<B>(&inputs, &normalizers, gradient, has_bias)
            .register(nodes, gradients);
    }
}
