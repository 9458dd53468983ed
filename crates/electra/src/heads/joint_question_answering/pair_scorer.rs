use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use lamplight_layers::activation::Activation;
use lamplight_layers::initializer::{Initializer, linear};
use lamplight_layers::linear::project;

/// Width of the hidden layer, which is 512 for every size of ELECTRA.
const WIDTH: usize = 512;

/// A logit for two hidden states behind each other, through a layer with GELU.
#[derive(Module, Debug)]
pub(super) struct PairScorer {
    pub hidden: Linear,
    pub output: Linear,
}

impl PairScorer {
    pub fn new(hidden_size: usize, device: &Device) -> Self {
        let initializer = Initializer::GlorotUniform;
        Self {
            hidden: linear(2 * hidden_size, WIDTH, true, initializer, device),
            output: linear(WIDTH, 1, true, initializer, device),
        }
    }

    /// Logits `[batch, num]` of pairs of `first` and `second`, both `[batch, num, hidden_size]`, or with 1 for `num` where
    /// one is in every pair.
    pub fn forward(&self, first: Tensor<3>, second: Tensor<3>) -> Tensor<2> {
        self.logits(self.of_first(first), self.of_second(second))
    }

    /// What `[batch, num, hidden_size]` adds to the hidden layer where it comes first, `[batch, num, WIDTH]`.
    pub fn of_first(&self, first: Tensor<3>) -> Tensor<3> {
        let [_, _, hidden_size] = first.dims();
        let weight = self.hidden.weight.val().narrow(0, 0, hidden_size);
        project(first, weight, None)
    }

    /// The same where it comes second, with the layer's bias.
    pub fn of_second(&self, second: Tensor<3>) -> Tensor<3> {
        let [_, _, hidden_size] = second.dims();
        let weight = self.hidden.weight.val();
        let bias = self.hidden.bias.as_ref().map(|bias| bias.val());
        project(second, weight.narrow(0, hidden_size, hidden_size), bias)
    }

    /// Logits `[batch, num]` of what both add.
    pub fn logits(&self, first: Tensor<3>, second: Tensor<3>) -> Tensor<2> {
        let x = Activation::Gelu.forward(first + second);
        self.output.forward(x).squeeze_dim(2)
    }
}
