use burn::module::Module;
use burn::tensor::{Bool, DType, Device, Int, Tensor, assert_shape};
use lamplight_layers::attention::AttentionBias;
use lamplight_layers::block::{Block, BlockInput, BlockOutput, Memory, Pass, in_type_of};
use lamplight_layers::cache::KeyValueCache;
use lamplight_layers::dropout::Dropout;
use lamplight_layers::mask;
use lamplight_layers::norm::RmsNorm;
use lamplight_layers::relative_position_bias::RelativePositionBias;

use crate::T5Config;
use crate::block::{
    AttentionSubLayer, FeedForwardSubLayer, dropout, norm, relative_position_biases,
};
use crate::cache::{DecoderCache, LayerStep};

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

impl Block for DecoderBlock {
    /// # Panics
    /// There is no memory.
    fn forward(&self, input: BlockInput) -> BlockOutput {
        let wants_weights = input.wants_weights;
        let Some(memory) = input.memory else {
            panic!("a decoder block reads the encoder's output")
        };
        let self_attention = &self.self_attention;
        let (x, weights) = self_attention.forward(input.x, None, input.bias, wants_weights);
        let (hidden, cross_attention) = (Some(memory.hidden), &self.cross_attention);
        let (x, cross) = cross_attention.forward(x, hidden, memory.bias, wants_weights);
        BlockOutput {
            x: self.feed_forward.forward(x),
            self_attention: weights,
            cross_attention: cross,
        }
    }

    fn dtype(&self) -> DType {
        self.self_attention.dtype()
    }
}

impl DecoderBlock {
    /// Runs the block over `x` `[rows, new, d_model]`, which continues what the cache holds.
    fn step(&self, x: Tensor<3>, bias: AttentionBias, cache: LayerStep<'_>) -> Tensor<3> {
        let LayerStep {
            past,
            memory,
            memory_bias,
            position,
        } = cache;
        let [rows, new, d_model] = x.dims();
        let (x, _) = (self.self_attention).attend(x, bias, false, |attention, x| {
            past.append(attention.key_value(x), position)
        });
        // The rows of an input attend to it together, as if each were another position.
        let [inputs, _, _, _] = memory.key.dims();
        let x = x.reshape([inputs, rows / inputs * new, d_model]);
        let memory_bias = AttentionBias::masked(memory_bias);
        let (x, _) = (self.cross_attention).attend(x, memory_bias, false, |_, _| memory);
        self.feed_forward.forward(x).reshape([rows, new, d_model])
    }
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
    /// Where rows hold several examples: which token belongs to which.
    pub segments: Option<Segments>,
}

/// The examples of rows that hold several, numbered from 1; 0 for padding.
#[derive(Debug, Clone)]
pub struct Segments {
    /// `[batch, source]`.
    pub encoder: Tensor<2, Int>,
    /// `[batch, target]`.
    pub decoder: Tensor<2, Int>,
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

    /// Gives `[batch, target, d_model]`, after the final norm.
    ///
    /// # Panics
    /// The shapes are not those that [`DecoderInput`] names.
    pub fn forward(&self, input: DecoderInput, mut pass: Pass<'_>) -> Tensor<3> {
        let [batch, target, _] = input.embeddings.dims();
        let [_, source, _] = input.encoder_hidden_state.dims();
        assert_shape!(input.encoder_hidden_state, [batch, source, _]);
        assert_shape!(input.encoder_padding_mask, [batch, source]);
        let causal = mask::causal(target, target, 0, &input.embeddings.device());
        let causal = mask::additive(causal); // [1, 1, 1, distances]
        let mut self_mask = input.padding_mask.map(mask::padding);
        let mut cross_mask = mask::padding(input.encoder_padding_mask);
        if let Some(Segments { encoder, decoder }) = input.segments {
            assert_shape!(encoder, [batch, source]);
            assert_shape!(decoder, [batch, target]);
            let other = mask::other_segment(decoder.clone(), decoder.clone());
            self_mask = Some(match self_mask {
                Some(padding) => mask::either(padding, other),
                None => other,
            });
            cross_mask = mask::either(cross_mask, mask::other_segment(decoder, encoder));
        }
        let memory = Memory {
            hidden: pass.share(input.encoder_hidden_state),
            bias: AttentionBias::masked(mask::additive(cross_mask)),
        };
        let mask = self_mask.map(mask::additive); // [batch, 1, 1 or target, target]
        let mut bias = AttentionBias::by_distance(causal.clone(), mask.clone());
        let embeddings = in_type_of(&self.block, input.embeddings);
        let mut x = pass.share(self.dropout.forward(embeddings));
        for (layer, block) in self.block.iter().enumerate() {
            if let Some(table) = self.relative_position_bias.get(layer) {
                let learned = table.forward(target, target, 0) + causal.clone(); // [1, heads, 1, distances]
                let mask = mask.clone();
                bias = pass.share_bias(AttentionBias::by_distance(learned, mask));
            }
            let input = BlockInput {
                x,
                bias: bias.clone(),
                memory: Some(memory.clone()),
                wants_weights: pass.wants_weights(),
            };
            x = pass.run(block, input);
        }
        let x = self.final_norm.forward(x);
        let x = self.dropout.forward(x);
        pass.finish(&x);
        x
    }

    /// What stays the same over all steps: `encoded` `[inputs, source, d_model]` with
    /// `padding_mask` `[inputs, source]`, true = padding, as the layers see it; and no past.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn start(&self, encoded: Tensor<3>, padding_mask: Tensor<2, Bool>) -> DecoderCache {
        let [inputs, source, _] = encoded.dims();
        assert_shape!(padding_mask, [inputs, source]);
        let memories = self
            .block
            .iter()
            .map(|block| block.cross_attention.key_value(encoded.clone()));
        DecoderCache::new(
            memories.collect(),
            mask::additive(mask::padding(padding_mask)),
        )
    }

    /// Gives `[rows, new, d_model]` for `embeddings` of that shape, which continue the past of
    /// each row, and adds them to the past. The same number of rows belongs to each input, those
    /// of an input one after the other.
    ///
    /// # Panics
    /// The rows are not those of the cache.
    pub fn step(&self, embeddings: Tensor<3>, cache: &mut DecoderCache) -> Tensor<3> {
        let [_, new, _] = embeddings.dims();
        let position = cache.length();
        let source = KeyValueCache::num_attended(position + new);
        let causal = mask::causal(new, source, position, &embeddings.device());
        let causal = mask::additive(causal); // [1, 1, 1, distances]
        let mut bias = AttentionBias::by_distance(causal.clone(), None);
        let mut x = in_type_of(&self.block, embeddings);
        for (layer, block) in self.block.iter().enumerate() {
            if let Some(table) = self.relative_position_bias.get(layer) {
                let learned = table.forward(new, source, position) + causal.clone();
                bias = AttentionBias::by_distance(learned, None);
            }
            x = block.step(x, bias.clone(), cache.layer(layer));
        }
        cache.advance(new);
        self.final_norm.forward(x)
    }
}
