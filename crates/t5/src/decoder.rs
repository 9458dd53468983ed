use burn::module::Module;
use burn::nn::{Dropout, RmsNorm};
use burn::tensor::{Bool, Device, Tensor, assert_shape};
use lamplight_layers::relative_position_bias::RelativePositionBias;
use lamplight_layers::{Trace, mask};

use crate::T5Config;
use crate::block::{
    AttentionSubLayer, FeedForwardSubLayer, dropout, norm, relative_position_biases,
};

/// A stack that sees its own past and the whole output of the encoder.
#[derive(Module, Debug)]
pub struct Decoder {
    block: Vec<DecoderBlock>,
    relative_position_bias: Vec<RelativePositionBias>,
    final_norm: RmsNorm,
    dropout: Dropout,
}

#[derive(Module, Debug)]
struct DecoderBlock {
    self_attention: AttentionSubLayer,
    cross_attention: AttentionSubLayer,
    feed_forward: FeedForwardSubLayer,
}

/// What the decoder reads.
#[derive(Debug)]
pub struct DecoderInput {
    /// `[batch, target, d_model]`.
    pub embeddings: Tensor<3>,
    /// `[batch, target]`, true = padding; `None` where causality hides the padding, as it does
    /// on the right of every token that counts.
    pub padding_mask: Option<Tensor<2, Bool>>,
    /// The encoder's output, `[batch, source, d_model]`.
    pub encoder_hidden_state: Tensor<3>,
    /// `[batch, source]`, true = padding.
    pub encoder_padding_mask: Tensor<2, Bool>,
}

impl Decoder {
    /// A fresh stack.
    pub fn new(config: &T5Config, device: &Device) -> Self {
        let num_layers = config.decoder_layers();
        let block = || DecoderBlock {
            self_attention: AttentionSubLayer::new(config, device),
            cross_attention: AttentionSubLayer::new(config, device),
            feed_forward: FeedForwardSubLayer::new(config, device),
        };
        Self {
            block: (0..num_layers).map(|_| block()).collect(),
            relative_position_bias: relative_position_biases(config, num_layers, false, device),
            final_norm: norm(config, device),
            dropout: dropout(config),
        }
    }

    /// Gives `[batch, target, d_model]`, after the final norm. What the layers did goes into
    /// `trace`.
    ///
    /// # Panics
    /// The shapes are not those that [`DecoderInput`] names.
    pub fn forward(&self, input: DecoderInput, mut trace: Option<&mut Trace>) -> Tensor<3> {
        let memory = input.encoder_hidden_state;
        let [batch, target, _] = input.embeddings.dims();
        let [_, source, _] = memory.dims();
        assert_shape!(memory, [batch, source, _]);
        assert_shape!(input.encoder_padding_mask, [batch, source]);
        let device = input.embeddings.device();
        let causal_mask = mask::causal_with_padding(target, input.padding_mask, &device);
        let cross_mask = mask::additive(mask::padding(input.encoder_padding_mask));
        let mut bias = causal_mask.clone();
        let mut x = self.dropout.forward(input.embeddings);
        for (layer, block) in self.block.iter().enumerate() {
            if let Some(table) = self.relative_position_bias.get(layer) {
                bias = table.forward(target, target, 0) + causal_mask.clone(); // [batch or 1, heads, target, target]
            }
            let before = x.clone();
            let (attended, weights) = block.self_attention.forward(x, None, bias.clone());
            let memory = Some(memory.clone());
            let cross_attention = &block.cross_attention;
            let (attended, cross) = cross_attention.forward(attended, memory, cross_mask.clone());
            x = block.feed_forward.forward(attended);
            if let Some(trace) = trace.as_deref_mut() {
                trace.hidden_states.push(before);
                trace.self_attentions.push(weights);
                trace.cross_attentions.push(cross);
            }
        }
        let x = self.dropout.forward(self.final_norm.forward(x));
        if let Some(trace) = trace {
            trace.hidden_states.push(x.clone());
        }
        x
    }
}
