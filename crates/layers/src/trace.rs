use burn::tensor::Tensor;

/// What a forward pass leaves behind for inspection, in the order Hugging Face gives it.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// `[batch, length, d_model]`: the embeddings, then the output of each layer; in a T5 stack
    /// the last one is taken after the final norm.
    pub hidden_states: Vec<Tensor<3>>,
    /// `[batch, heads, length, length]` after the softmax, one per layer.
    pub self_attentions: Vec<Tensor<4>>,
    /// `[batch, heads, target, source]` after the softmax, one per decoder layer.
    pub cross_attentions: Vec<Tensor<4>>,
}
