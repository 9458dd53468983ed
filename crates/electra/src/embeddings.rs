use burn::module::Module;
use burn::nn::Embedding;
use burn::tensor::{Device, Int, Tensor};
use lamplight_layers::embedding::look_up;
use lamplight_layers::initializer::{Initializer, embedding};
use lamplight_layers::norm::LayerNorm;

use crate::ElectraConfig;

/// A norm over mean and variance, of the embeddings or of the residual stream.
pub(crate) fn norm(width: usize, config: &ElectraConfig, device: &Device) -> LayerNorm {
    LayerNorm::new(width, config.layer_norm_eps, device)
}

/// How all but the last matrix of a head are drawn.
pub(crate) fn initializer(config: &ElectraConfig) -> Initializer {
    Initializer::TruncatedNormal(config.initializer_range)
}

/// The embedding tables and their norm. What generator and discriminator share lies in here and
/// nowhere else.
#[derive(Module, Debug)]
pub struct Embeddings {
    pub(crate) word: Embedding,
    pub(crate) position: Embedding,
    pub(crate) segment: SegmentEmbedding,
    pub(crate) pad_token_id: u32,
}

/// The part of the embeddings that a discriminator may have to itself.
#[derive(Module, Debug)]
pub(crate) struct SegmentEmbedding {
    pub(crate) token_type: Embedding,
    pub(crate) norm: LayerNorm,
}

impl SegmentEmbedding {
    pub(crate) fn new(config: &ElectraConfig, device: &Device) -> Self {
        let width = config.embedding_size;
        Self {
            token_type: embedding(config.type_vocab_size, width, initializer(config), device),
            norm: norm(width, config, device),
        }
    }
}

impl Embeddings {
    /// Fresh tables.
    pub fn new(config: &ElectraConfig, device: &Device) -> Self {
        let table = |rows| embedding(rows, config.embedding_size, initializer(config), device);
        Self {
            word: table(config.vocab_size),
            position: table(config.max_position_embeddings),
            segment: SegmentEmbedding::new(config, device),
            pad_token_id: config.pad_token_id,
        }
    }

    /// `norm(word + position + token type)`: ids `[batch, length]` to
    /// `[batch, length, embedding_size]`. Token types are 0 where none are given.
    ///
    /// # Panics
    /// The input is longer than the table of positions, or an id lies outside its table.
    pub fn forward(
        &self,
        input_ids: Tensor<2, Int>,
        token_type_ids: Option<Tensor<2, Int>>,
    ) -> Tensor<3> {
        self.forward_with(&self.segment, input_ids, token_type_ids)
    }

    /// The same with another token type table and norm.
    pub(crate) fn forward_with(
        &self,
        segment: &SegmentEmbedding,
        input_ids: Tensor<2, Int>,
        token_type_ids: Option<Tensor<2, Int>>,
    ) -> Tensor<3> {
        let types = token_type_ids.unwrap_or_else(|| input_ids.zeros_like());
        self.around(segment, self.words(input_ids), types)
    }

    /// `norm(words + position + token type)` of words `[batch, length, embedding_size]`.
    pub(crate) fn around(
        &self,
        segment: &SegmentEmbedding,
        words: Tensor<3>,
        token_type_ids: Tensor<2, Int>,
    ) -> Tensor<3> {
        let [_, length, _] = words.dims();
        let [longest, _] = self.position.weight.dims();
        assert!(
            length <= longest,
            "{length} positions, but max_position_embeddings is {longest}"
        );
        let position = self.position.weight.val().slice(0..length).unsqueeze::<3>(); // [1, length, embedding_size]
        let sum = words + position + look_up(&segment.token_type, token_type_ids);
        segment.norm.forward(sum)
    }

    /// The rows of the word table. Looking the padding up leaves no gradient, as in Hugging
    /// Face's model: a generator may sample it in place of a word.
    pub(crate) fn words(&self, input_ids: Tensor<2, Int>) -> Tensor<3> {
        let words = look_up(&self.word, input_ids.clone());
        if !words.device().is_autodiff() {
            return words;
        }
        let is_padding = input_ids
            .equal_scalar(self.pad_token_id)
            .unsqueeze_dim::<3>(2);
        let constant = words.clone().detach();
        words
            .clone()
            .mask_where(is_padding.expand(words.dims()), constant)
    }
}
