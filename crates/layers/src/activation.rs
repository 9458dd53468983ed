//! Activation functions under the names that `config.json` uses.

use burn::tensor::Tensor;
use lamplight_kernels::activation::{Function, activation, gated};

use crate::config::ConfigError;

/// An element-wise activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// The exact GELU, by the error function.
    Gelu,
    /// The tanh approximation of GELU that T5 v1.1 uses.
    GeluNew,
    /// `x * sigmoid(x)`.
    Silu,
}

impl Activation {
    /// Reads the name found under `key` of a config.
    ///
    /// # Errors
    /// The name is none that this library computes.
    pub fn from_name(key: &'static str, name: &str) -> Result<Self, ConfigError> {
        match name {
            "relu" => Ok(Self::Relu),
            "gelu" => Ok(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Ok(Self::GeluNew),
            "silu" | "swish" => Ok(Self::Silu),
            _ => Err(ConfigError::unsupported(
                key,
                name,
                "relu, gelu, gelu_new or silu",
            )),
        }
    }

    /// Applies the function element by element.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        activation(x, self.function())
    }

    /// Applies the function to the gate, and multiplies by `x` of the same shape.
    pub fn gate<const D: usize>(self, gate: Tensor<D>, x: Tensor<D>) -> Tensor<D> {
        gated(gate, x, self.function())
    }

    pub(crate) fn function(self) -> Function {
        match self {
            Self::Relu => Function::Relu,
            Self::Gelu => Function::Gelu,
            Self::GeluNew => Function::GeluTanh,
            Self::Silu => Function::Silu,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use lamplight_testing::{assert_close, test_device};

    /// `x`, the exact GELU and its derivative `P + x * density`, to double precision.
    const GELU: [(f32, f32, f32); 5] = [
        (-3.0, -0.004_049_694, -0.011_945_647),
        (-1.0, -0.158_655_25, -0.083_315_47),
        (0.0, 0.0, 0.5),
        (0.5, 0.345_731_23, 0.867_495_1),
        (2.0, 1.954_499_7, 1.085_231_8),
    ];

    #[test]
    fn gelu_and_its_gradient_are_exact() {
        let device = test_device().autodiff();
        let x = GELU.map(|(x, _, _)| x);
        let x = Tensor::<1>::from_data(x, &device).require_grad();
        let y = Activation::Gelu.forward(x.clone());
        let gradient = x.grad(&y.clone().sum().backward()).unwrap();
        let [y, gradient] = [y.inner(), gradient].map(|t| t.into_data().try_to_vec().unwrap());
        assert_close("gelu", &y, &GELU.map(|(_, y, _)| y), 1e-5, 1e-6);
        assert_close("gradient", &gradient, &GELU.map(|(_, _, d)| d), 1e-5, 1e-6);
    }
}
