//! The sub-layers that encoder and decoder are made of.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use lamplight_layers::attention::{
    AttentionBias, AttentionOutput, KeyValue, MultiHeadAttention, MultiHeadAttentionConfig,
};
use lamplight_layers::dropout::Dropout;
use lamplight_layers::feed_forward::{FeedForward, FeedForwardConfig};
use lamplight_layers::initializer::Initializer;
use lamplight_layers::norm::RmsNorm;
use lamplight_layers::relative_position_bias::{Buckets, RelativePositionBias};

use crate::T5Config;

/// A norm over the root mean square, without mean or bias (Zhang and Sennrich 2019).
pub(crate) fn norm(config: &T5Config, device: &Device) -> RmsNorm {
    RmsNorm::new(config.d_model, config.layer_norm_epsilon, device)
}

pub(crate) fn dropout(config: &T5Config) -> Dropout {
    Dropout::new(config.dropout_rate)
}

/// Attention without biases and without the usual scale, which the initialisation of the query
/// absorbs.
pub(crate) fn attention(config: &T5Config, device: &Device) -> MultiHeadAttention {
    let factor = config.initializer_factor;
    let std = |fan_in: usize| factor * (fan_in as f64).powf(-0.5);
    MultiHeadAttentionConfig {
        d_model: config.d_model,
        num_heads: config.num_heads,
        head_dim: config.d_kv,
        bias: false,
        scale: 1.0,
        dropout: config.dropout_rate,
        query: Initializer::Normal(std(config.d_model * config.d_kv)),
        key_value: Initializer::Normal(std(config.d_model)),
        output: Initializer::Normal(std(config.num_heads * config.d_kv)),
    }
    .init(device)
}

/// The tables of position biases of a stack: one that all layers share, or one per layer.
pub(crate) fn relative_position_biases(
    config: &T5Config,
    num_layers: usize,
    bidirectional: bool,
    device: &Device,
) -> Vec<RelativePositionBias> {
    let buckets = Buckets {
        num_buckets: config.relative_attention_num_buckets,
        max_distance: config.relative_attention_max_distance,
        bidirectional,
    };
    let num_tables = if config.has_bias_per_layer() {
        num_layers
    } else {
        1
    };
    let table = || {
        RelativePositionBias::new(
            buckets,
            config.num_heads,
            Initializer::GlorotUniform,
            device,
        )
    };
    (0..num_tables).map(|_| table()).collect()
}

/// `x + dropout(attention(norm(x)))`.
#[derive(Module, Debug)]
pub(crate) struct AttentionSubLayer {
    attention: MultiHeadAttention,
    norm: RmsNorm,
    dropout: Dropout,
}

impl AttentionSubLayer {
    pub(crate) fn new(config: &T5Config, device: &Device) -> Self {
        Self {
            attention: attention(config, device),
            norm: norm(config, device),
            dropout: dropout(config),
        }
    }

    pub(crate) fn dtype(&self) -> DType {
        self.attention.dtype()
    }

    /// Attends to `memory`, or to `x` itself where there is none. Gives the new `x` and the
    /// attention weights.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        memory: Option<Tensor<3>>,
        bias: AttentionBias,
        wants_weights: bool,
    ) -> (Tensor<3>, Option<Tensor<4>>) {
        self.attend(x, bias, wants_weights, |attention, x| {
            attention.key_value(memory.unwrap_or(x))
        })
    }

    /// Attends to what `memory` makes of this attention and the normed `x`. Gives the new `x` and the
    /// attention weights.
    pub(crate) fn attend(
        &self,
        x: Tensor<3>,
        bias: AttentionBias,
        wants_weights: bool,
        memory: impl FnOnce(&MultiHeadAttention, Tensor<3>) -> KeyValue,
    ) -> (Tensor<3>, Option<Tensor<4>>) {
        let query = self.norm.forward(x.clone());
        let memory = memory(&self.attention, query.clone());
        let AttentionOutput { context, weights } =
            (self.attention).attend(query, memory, bias, wants_weights);
        (self.dropout.onto(x, context), weights)
    }

    /// What this attention makes of a memory that stays the same.
    pub(crate) fn key_value(&self, memory: Tensor<3>) -> KeyValue {
        self.attention.key_value(memory)
    }
}

/// `x + dropout(feed_forward(norm(x)))`.
#[derive(Module, Debug)]
pub(crate) struct FeedForwardSubLayer {
    feed_forward: FeedForward,
    norm: RmsNorm,
    dropout: Dropout,
}

impl FeedForwardSubLayer {
    pub(crate) fn new(config: &T5Config, device: &Device) -> Self {
        let std = |fan_in: usize| config.initializer_factor * (fan_in as f64).powf(-0.5);
        let (activation, gated) = config
            .activation()
            .unwrap_or_else(|error| panic!("{error}"));
        let feed_forward = FeedForwardConfig {
            d_model: config.d_model,
            d_ff: config.d_ff,
            activation,
            gated,
            bias: false,
            dropout: config.dropout_rate,
            input: Initializer::truncated_to_std(std(config.d_model)),
            output: Initializer::truncated_to_std(std(config.d_ff)),
        };
        Self {
            feed_forward: feed_forward.init(device),
            norm: norm(config, device),
            dropout: dropout(config),
        }
    }

    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let normed = self.norm.forward(x.clone());
        self.dropout.onto(x, self.feed_forward.forward(normed))
    }
}
