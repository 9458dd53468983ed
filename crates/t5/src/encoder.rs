use burn::module::Module;
use burn::nn::{Dropout, RmsNorm};
use burn::tensor::{Bool, Device, Tensor, assert_shape};
use lamplight_layers::relative_position_bias::RelativePositionBias;
use lamplight_layers::{Trace, mask};

use crate::T5Config;
use crate::block::{
    AttentionSubLayer, FeedForwardSubLayer, dropout, norm, relative_position_biases,
};

/// A stack of self-attention and feed-forward layers that sees the whole input.
#[derive(Module, Debug)]
pub struct Encoder {
    block: Vec<EncoderBlock>,
    relative_position_bias: Vec<RelativePositionBias>,
    final_norm: RmsNorm,
    dropout: Dropout,
}

#[derive(Module, Debug)]
struct EncoderBlock {
    self_attention: AttentionSubLayer,
    feed_forward: FeedForwardSubLayer,
}

impl Encoder {
    /// A fresh stack.
    pub fn new(config: &T5Config, device: &Device) -> Self {
        let block = || EncoderBlock {
            self_attention: AttentionSubLayer::new(config, device),
            feed_forward: FeedForwardSubLayer::new(config, device),
        };
        Self {
            block: (0..config.num_layers).map(|_| block()).collect(),
            relative_position_bias: relative_position_biases(
                config,
                config.num_layers,
                true,
                device,
            ),
            final_norm: norm(config, device),
            dropout: dropout(config),
        }
    }

    /// Encodes embeddings `[batch, source, d_model]`; `padding_mask` `[batch, source]` is true
    /// where there is padding. What the layers did goes into `trace`.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn forward(
        &self,
        embeddings: Tensor<3>,
        padding_mask: Tensor<2, Bool>,
        mut trace: Option<&mut Trace>,
    ) -> Tensor<3> {
        let [batch, source, _] = embeddings.dims();
        assert_shape!(padding_mask, [batch, source]);
        let mask = mask::additive(mask::padding(padding_mask)); // [batch, 1, 1, source]
        let mut bias = mask.clone();
        let mut x = self.dropout.forward(embeddings);
        for (layer, block) in self.block.iter().enumerate() {
            if let Some(table) = self.relative_position_bias.get(layer) {
                bias = table.forward(source, source, 0) + mask.clone(); // [batch, heads, source, source]
            }
            let before = x.clone();
            let (attended, weights) = block.self_attention.forward(x, None, bias.clone());
            x = block.feed_forward.forward(attended);
            if let Some(trace) = trace.as_deref_mut() {
                trace.hidden_states.push(before);
                trace.self_attentions.push(weights);
            }
        }
        let x = self.dropout.forward(self.final_norm.forward(x));
        if let Some(trace) = trace {
            trace.hidden_states.push(x.clone());
        }
        x
    }
}
