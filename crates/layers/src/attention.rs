//! Multi-head attention as both models use it.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{DType, Device, Tensor, activation::softmax, assert_shape};

use crate::dropout::Dropout;
use crate::initializer::{Initializer, linear};

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
    /// Position bias plus additive mask, in f32, each axis broadcast:
    /// `[batch, heads, target, source]`.
    pub bias: Tensor<4>,
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
    /// `[batch, heads, target, source]`, after the softmax and before dropout, in f32.
    pub weights: Tensor<4>,
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
    /// The type of the weights, in which all but the softmax is computed.
    pub fn dtype(&self) -> DType {
        self.query.weight.dtype()
    }

    /// Attends from `query` to `memory`.
    ///
    /// # Panics
    /// The shapes are not those that [`AttentionInput`] names.
    pub fn forward(&self, input: AttentionInput) -> AttentionOutput {
        let memory = self.key_value(input.memory);
        self.attend(input.query, memory, input.bias)
    }

    /// The keys and values of a memory `[batch, source, d_model]`.
    pub fn key_value(&self, memory: Tensor<3>) -> KeyValue {
        KeyValue {
            key: self.split_heads(self.key.forward(memory.clone())),
            value: self.split_heads(self.value.forward(memory)),
        }
    }

    /// Attends from `query` `[batch, target, d_model]` to what was projected before, with a bias as
    /// in [`AttentionInput`].
    ///
    /// # Panics
    /// The shapes differ.
    pub fn attend(&self, query: Tensor<3>, memory: KeyValue, bias: Tensor<4>) -> AttentionOutput {
        let [batch, target, _] = query.dims();
        let KeyValue { key, value } = memory;
        assert_shape!(key, [batch, _, _, _]);

        let query = self.split_heads(self.query.forward(query));
        let query = if self.scale == 1.0 {
            query
        } else {
            query * self.scale
        };
        let scores = query.matmul(key.transpose()).cast(DType::F32) + bias;
        let weights = softmax(scores, 3);
        let kept = self.dropout.forward(weights.clone().cast(value.dtype()));
        let context = kept.matmul(value);

        let inner = self.num_heads * self.head_dim;
        let context = context.swap_dims(1, 2).reshape([batch, target, inner]); // [batch, target, heads * head_dim]
        AttentionOutput {
            context: self.output.forward(context),
            weights,
        }
    }

    fn split_heads(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, length, _] = x.dims();
        x.reshape([batch, length, self.num_heads, self.head_dim])
            .swap_dims(1, 2) // [batch, heads, length, head_dim]
    }
}
