use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Bool, DType, Device, Tensor, assert_shape};
use lamplight_layers::attention::{
    AttentionBias, AttentionInput, AttentionOutput, MultiHeadAttention, MultiHeadAttentionConfig,
};
use lamplight_layers::block::{Block, BlockInput, BlockOutput, Pass, in_type_of};
use lamplight_layers::dropout::Dropout;
use lamplight_layers::feed_forward::{FeedForward, FeedForwardConfig};
use lamplight_layers::initializer::linear;
use lamplight_layers::linear::apply;
use lamplight_layers::mask;
use lamplight_layers::norm::LayerNorm;

use crate::ElectraConfig;
use crate::embeddings::{initializer, norm};

/// The stack above the embeddings, with the projection to its width where that is another one.
#[derive(Module, Debug)]
pub struct Encoder {
    projection: Option<Linear>,
    layer: Vec<EncoderLayer>,
    dropout: Dropout,
}

/// A post-norm layer, as in BERT (Devlin et al. 2019).
#[derive(Module, Debug)]
struct EncoderLayer {
    attention: MultiHeadAttention,
    attention_norm: LayerNorm,
    feed_forward: FeedForward,
    feed_forward_norm: LayerNorm,
    dropout: Dropout,
}

impl Encoder {
    /// A fresh stack.
    ///
    /// # Panics
    /// The config is one that [`ElectraConfig::validate`] refuses.
    pub fn new(config: &ElectraConfig, device: &Device) -> Self {
        let (narrow, wide) = (config.embedding_size, config.hidden_size);
        let projection = || linear(narrow, wide, true, initializer(config), device);
        let layers = (0..config.num_hidden_layers).map(|_| EncoderLayer::new(config, device));
        Self {
            projection: (narrow != wide).then(projection),
            layer: layers.collect(),
            dropout: Dropout::new(config.hidden_dropout_prob),
        }
    }

    /// Encodes embeddings `[batch, length, embedding_size]` to `[batch, length, hidden_size]`;
    /// `padding_mask` `[batch, length]` is true where there is padding.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn forward(
        &self,
        embeddings: Tensor<3>,
        padding_mask: Tensor<2, Bool>,
        mut pass: Pass<'_>,
    ) -> Tensor<3> {
        let [batch, length, _] = embeddings.dims();
        assert_shape!(padding_mask, [batch, length]);
        let mask = mask::additive(mask::padding(padding_mask)); // [batch, 1, 1, length]
        let bias = AttentionBias::masked(mask);
        let embeddings = in_type_of(&self.layer, embeddings);
        let embeddings = self.dropout.forward(embeddings);
        let mut x = pass.share(match &self.projection {
            Some(projection) => apply(projection, embeddings),
            None => embeddings,
        });
        for layer in &self.layer {
            let input = BlockInput {
                x,
                bias: bias.clone(),
                memory: None,
                wants_weights: pass.wants_weights(),
            };
            x = pass.run(layer, input);
        }
        pass.finish(&x);
        x
    }
}

impl Block for EncoderLayer {
    fn forward(&self, input: BlockInput) -> BlockOutput {
        let x = input.x;
        let input = AttentionInput {
            query: x.clone(),
            memory: x.clone(),
            bias: input.bias,
            wants_weights: input.wants_weights,
        };
        let AttentionOutput { context, weights } = self.attention.forward(input);
        let sum = self.dropout.onto(x, context);
        let x = self.attention_norm.forward(sum);
        let hidden = self.feed_forward.forward(x.clone());
        let sum = self.dropout.onto(x, hidden);
        BlockOutput {
            x: self.feed_forward_norm.forward(sum),
            self_attention: weights,
            cross_attention: None,
        }
    }

    fn dtype(&self) -> DType {
        self.attention.dtype()
    }
}

impl EncoderLayer {
    fn new(config: &ElectraConfig, device: &Device) -> Self {
        let (hidden, initializer) = (config.hidden_size, initializer(config));
        let attention = MultiHeadAttentionConfig {
            d_model: hidden,
            num_heads: config.num_attention_heads,
            head_dim: config.head_dim(),
            bias: true,
            scale: (config.head_dim() as f64).powf(-0.5),
            dropout: config.attention_probs_dropout_prob,
            query: initializer,
            key_value: initializer,
            output: initializer,
        };
        let feed_forward = FeedForwardConfig {
            d_model: hidden,
            d_ff: config.intermediate_size,
            activation: config
                .activation()
                .unwrap_or_else(|error| panic!("{error}")),
            gated: false,
            bias: true,
            dropout: 0.0,
            input: initializer,
            output: initializer,
        };
        Self {
            attention: attention.init(device),
            attention_norm: norm(hidden, config, device),
            feed_forward: feed_forward.init(device),
            feed_forward_norm: norm(hidden, config, device),
            dropout: Dropout::new(config.hidden_dropout_prob),
        }
    }
}
