//! The position-wise feed-forward layer, plain or gated.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use lamplight_kernels::feed_forward::{Projections, feed_forward};

use crate::activation::Activation;
use crate::dropout::Dropout;
use crate::initializer::{Initializer, linear};
use crate::linear::{apply, projection};

/// Sizes and initialisation of a [`FeedForward`].
#[derive(Debug, Clone)]
pub struct FeedForwardConfig {
    /// Width of the input and the output.
    pub d_model: usize,
    /// Width in between.
    pub d_ff: usize,
    /// The activation in between.
    pub activation: Activation,
    /// Whether a second, activated projection gates the first (Shazeer 2020, "GLU Variants").
    pub gated: bool,
    /// Whether the projections have biases.
    pub bias: bool,
    /// Probability of dropping an element in between.
    pub dropout: f64,
    /// Initialisation of the projections to `d_ff`.
    pub input: Initializer,
    /// Initialisation of the projection back.
    pub output: Initializer,
}

/// `output(dropout(activation(input(x))))`, or `output(dropout(activation(gate(x)) * input(x)))`.
#[derive(Module, Debug)]
pub struct FeedForward {
    gate: Option<Linear>,
    input: Linear,
    output: Linear,
    dropout: Dropout,
    #[module(skip)]
    activation: Activation,
}

impl FeedForwardConfig {
    /// A new layer with random weights.
    pub fn init(&self, device: &Device) -> FeedForward {
        let inward = || linear(self.d_model, self.d_ff, self.bias, self.input, device);
        FeedForward {
            gate: self.gated.then(inward),
            input: inward(),
            output: linear(self.d_ff, self.d_model, self.bias, self.output, device),
            dropout: Dropout::new(self.dropout),
            activation: self.activation,
        }
    }
}

impl FeedForward {
    /// `[batch, length, d_model]` to the same shape.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let drops = self.dropout.rate(&x.device()) > 0.0;
        let hidden = match &self.gate {
            None if !drops => {
                let [inward, outward] = [&self.input, &self.output].map(projection);
                let projections = Projections { inward, outward };
                return feed_forward(x, projections, self.activation.function());
            }
            None => self.activation.forward(apply(&self.input, x)),
            Some(gate) => (self.activation).gate(apply(gate, x.clone()), apply(&self.input, x)),
        };
        apply(&self.output, self.dropout.forward(hidden))
    }
}
