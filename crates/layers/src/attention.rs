//! Multi-head attention as both models use it.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{DType, Device, Tensor, assert_shape};
use lamplight_kernels::attention::{
    AttentionSettings, AttentionTensors, attention,
    reference::{self, Attended},
};
use lamplight_kernels::processor::join;

use crate::dropout::Dropout;
use crate::initializer::{Initializer, linear};
use crate::linear::apply;

/// Sizes and initialisation of a [`MultiHeadAttention`].
#[derive(Debug, Clone)]
pub struct MultiHeadAttentionConfig {
    /// Width of the input and the output.
    pub d_model: usize,
    /// Number of heads; `num_heads * head_dim` need not be `d_model`.
    pub num_heads: usize,
    /// Width of one head (T5's `d_kv`).
    pub head_dim: usize,
    /// Whether the four projections have biases (ELECTRA) or not (T5).
    pub bias: bool,
    /// Factor on the scores: `head_dim^-0.5` in ELECTRA, 1 in T5.
    pub scale: f64,
    /// Probability of dropping an attention weight.
    pub dropout: f64,
    /// Initialisation of the query projection.
    pub query: Initializer,
    /// Initialisation of the key and value projections.
    pub key_value: Initializer,
    /// Initialisation of the output projection.
    pub output: Initializer,
}

/// `softmax(scale * q k^T + bias) v`, with projections before and after (Vaswani et al. 2017,
/// section 3.2).
#[derive(Module, Debug)]
pub struct MultiHeadAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    dropout: Dropout,
    num_heads: usize,
    head_dim: usize,
    scale: f64,
}

/// What attention reads.
#[derive(Debug)]
pub struct AttentionInput {
    /// `[batch, target, d_model]`.
    pub query: Tensor<3>,
    /// `[batch, source, d_model]`: the same as `query` in self-attention.
    pub memory: Tensor<3>,
    /// What is added to the scores.
    pub bias: AttentionBias,
    /// Whether the weights are wanted; without them attention takes less time and memory.
    pub wants_weights: bool,
}

/// What is added to the scores of attention, in f32, each axis broadcast.
#[derive(Debug, Clone)]
pub struct AttentionBias {
    /// By distance or for each query and key.
    learned: Option<Tensor<4>>,
    /// Constant, `[batch, heads, target, source]`.
    mask: Option<Tensor<4>>,
}

/// What is attended to, projected: `[batch, heads, source, head_dim]` each.
#[derive(Debug, Clone)]
pub struct KeyValue {
    /// What queries are compared with.
    pub key: Tensor<4>,
    /// What is averaged.
    pub value: Tensor<4>,
}

/// What attention gives.
#[derive(Debug)]
pub struct AttentionOutput {
    /// `[batch, target, d_model]`.
    pub context: Tensor<3>,
    /// `[batch, heads, target, source]`, after the softmax and before dropout, in f32; where they are wanted.
    pub weights: Option<Tensor<4>>,
}

impl AttentionBias {
    /// An additive mask alone.
    pub fn masked(mask: Tensor<4>) -> Self {
        Self {
            learned: None,
            mask: Some(mask),
        }
    }

    /// A learned bias by distance, `[1, heads, 1, target + source - 1]`, and an additive mask. Both are kept as they are,
    /// so that memory is linear in the length.
    pub fn by_distance(bias: Tensor<4>, mask: Option<Tensor<4>>) -> Self {
        Self {
            learned: Some(bias),
            mask,
        }
    }

    /// The same with another tensor for the one that has a gradient.
    pub(crate) fn map_learned(self, map: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Self {
        Self {
            learned: self.learned.map(map),
            mask: self.mask,
        }
    }
}

impl MultiHeadAttentionConfig {
    /// A new attention with random weights.
    pub fn init(&self, device: &Device) -> MultiHeadAttention {
        let inner = self.num_heads * self.head_dim;
        let projection = |initializer| linear(self.d_model, inner, self.bias, initializer, device);
        MultiHeadAttention {
            query: projection(self.query),
            key: projection(self.key_value),
            value: projection(self.key_value),
            output: linear(inner, self.d_model, self.bias, self.output, device),
            dropout: Dropout::new(self.dropout),
            num_heads: self.num_heads,
            head_dim: self.head_dim,
            scale: self.scale,
        }
    }
}

impl MultiHeadAttention {
    /// The type in which all but the softmax is computed: that of the weights, f32 if they have 8 bits.
    pub fn dtype(&self) -> DType {
        match self.query.weight.dtype() {
            DType::QFloat(_) => DType::F32,
            dtype => dtype,
        }
    }

    /// Attends from `query` to `memory`.
    ///
    /// # Panics
    /// The shapes are not those that [`AttentionInput`] names.
    pub fn forward(&self, input: AttentionInput) -> AttentionOutput {
        let device = input.query.device();
        let (query, memory) = join(
            &device,
            || self.query(input.query),
            || self.key_value(input.memory),
        );
        self.attend_projected(query, memory, input.bias, input.wants_weights)
    }

    fn query(&self, query: Tensor<3>) -> Tensor<4> {
        self.split_heads(apply(&self.query, query))
    }

    /// The keys and values of a memory `[batch, source, d_model]`.
    pub fn key_value(&self, memory: Tensor<3>) -> KeyValue {
        let project = |layer, memory| self.split_heads(apply(layer, memory));
        let (device, copy) = (memory.device(), memory.clone());
        let (key, value) = join(
            &device,
            || project(&self.key, copy),
            || project(&self.value, memory),
        );
        KeyValue { key, value }
    }

    /// Attends from `query` `[batch, target, d_model]` to what was projected before; the rest as in
    /// [`AttentionInput`].
    ///
    /// # Panics
    /// The shapes differ.
    pub fn attend(
        &self,
        query: Tensor<3>,
        memory: KeyValue,
        bias: AttentionBias,
        wants_weights: bool,
    ) -> AttentionOutput {
        self.attend_projected(self.query(query), memory, bias, wants_weights)
    }

    /// The same for queries `[batch, heads, target, head_dim]`.
    fn attend_projected(
        &self,
        query: Tensor<4>,
        memory: KeyValue,
        bias: AttentionBias,
        wants_weights: bool,
    ) -> AttentionOutput {
        let [batch, _, target, _] = query.dims();
        assert_shape!(memory.key, [batch, _, _, _]);
        let tensors = AttentionTensors {
            query,
            key: memory.key,
            value: memory.value,
            bias: bias.learned,
            mask: bias.mask,
        };
        let settings = AttentionSettings {
            scale: self.scale,
            dropout: self.dropout.rate(&tensors.query.device()),
        };
        let (context, weights) = match wants_weights {
            true => {
                let Attended { context, weights } = reference::attention(tensors, settings);
                (context, Some(weights))
            }
            false => (attention(tensors, settings), None),
        };
        let inner = self.num_heads * self.head_dim;
        AttentionOutput {
            context: apply(&self.output, context.reshape([batch, target, inner])),
            weights,
        }
    }

    fn split_heads(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, length, _] = x.dims();
        x.reshape([batch, length, self.num_heads, self.head_dim])
            .swap_dims(1, 2) // [batch, heads, length, head_dim]
    }
}
