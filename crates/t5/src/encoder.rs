use burn::module::Module;
use burn::tensor::{Bool, DType, Device, Int, Tensor, assert_shape};
use lamplight_layers::attention::AttentionBias;
use lamplight_layers::block::{Block, BlockInput, BlockOutput, Pass, in_type_of};
use lamplight_layers::dropout::Dropout;
use lamplight_layers::mask;
use lamplight_layers::norm::RmsNorm;
use lamplight_layers::relative_position_bias::RelativePositionBias;

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

impl Block for EncoderBlock {
    fn forward(&self, input: BlockInput) -> BlockOutput {
        let wants_weights = input.wants_weights;
        let self_attention = &self.self_attention;
        let (x, weights) = self_attention.forward(input.x, None, input.bias, wants_weights);
        BlockOutput {
            x: self.feed_forward.forward(x),
            self_attention: weights,
            cross_attention: None,
        }
    }

    fn dtype(&self) -> DType {
        self.self_attention.dtype()
    }
}

/// What the encoder reads.
#[derive(Debug)]
pub struct EncoderInput {
    /// `[batch, source, d_model]`.
    pub embeddings: Tensor<3>,
    /// `[batch, source]`, true = padding.
    pub padding_mask: Tensor<2, Bool>,
    /// `[batch, source]`, where rows hold several examples: the number of the example.
    pub segment_ids: Option<Tensor<2, Int>>,
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

    /// Gives `[batch, source, d_model]`, after the final norm.
    ///
    /// # Panics
    /// The shapes are not those that [`EncoderInput`] names.
    pub fn forward(&self, input: EncoderInput, mut pass: Pass<'_>) -> Tensor<3> {
        let EncoderInput {
            embeddings,
            padding_mask,
            segment_ids,
        } = input;
        let [batch, source, _] = embeddings.dims();
        assert_shape!(padding_mask, [batch, source]);
        let mut hidden = mask::padding(padding_mask);
        if let Some(ids) = segment_ids {
            assert_shape!(ids, [batch, source]);
            hidden = mask::either(hidden, mask::other_segment(ids.clone(), ids));
        }
        let mask = mask::additive(hidden); // [batch, 1, 1 or source, source]
        let mut bias = AttentionBias::masked(mask.clone());
        let embeddings = in_type_of(&self.block, embeddings);
        let mut x = pass.share(self.dropout.forward(embeddings));
        for (layer, block) in self.block.iter().enumerate() {
            if let Some(table) = self.relative_position_bias.get(layer) {
                let learned = table.forward(source, source, 0); // [1, heads, 1, distances]
                let mask = Some(mask.clone());
                bias = pass.share_bias(AttentionBias::by_distance(learned, mask));
            }
            let input = BlockInput {
                x,
                bias: bias.clone(),
                memory: None,
                wants_weights: pass.wants_weights(),
            };
            x = pass.run(block, input);
        }
        let x = self.final_norm.forward(x);
        let x = self.dropout.forward(x);
        pass.finish(&x);
        x
    }
}
