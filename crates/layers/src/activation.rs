//! Activation functions under the names that `config.json` uses.

use burn::tensor::{Tensor, activation};

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
        match self {
            Self::Relu => activation::relu(x),
            Self::Gelu => activation::gelu(x),
            Self::GeluNew => activation::gelu_approximate(x),
            Self::Silu => activation::silu(x),
        }
    }
}
