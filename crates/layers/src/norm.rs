//! Norms over the last axis, in f32 whatever the type of their input, by the kernel that is fastest on the device.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use lamplight_kernels::norm::{NormParameters, NormSettings, norm};

use crate::initializer::Initializer;

/// Layer normalisation (Ba et al. 2016).
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// The factor of each column, `[width]`.
    pub gamma: Param<Tensor<1>>,
    /// The addend of each column, `[width]`.
    pub beta: Param<Tensor<1>>,
    epsilon: f64,
}

/// A norm by the root mean square, without mean or bias (Zhang and Sennrich 2019).
#[derive(Module, Debug)]
pub struct RmsNorm {
    /// The factor of each column, `[width]`.
    pub gamma: Param<Tensor<1>>,
    epsilon: f64,
}

impl LayerNorm {
    /// A norm of rows of this width that is the identity on normed ones; `epsilon` is added to the variance.
    pub fn new(width: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            gamma: Initializer::Ones.init([width], device),
            beta: Initializer::Zeros.init([width], device),
            epsilon,
        }
    }

    /// `[.., width]` to the same shape and type.
    ///
    /// # Panics
    /// The width is another one.
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        let parameters = NormParameters {
            gamma: self.gamma.val(),
            beta: Some(self.beta.val()),
        };
        let settings = NormSettings {
            is_centered: true,
            epsilon: self.epsilon,
        };
        norm(input, parameters, settings)
    }
}

impl RmsNorm {
    /// A norm of rows of this width that is the identity on normed ones; `epsilon` is added to the mean square.
    pub fn new(width: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            gamma: Initializer::Ones.init([width], device),
            epsilon,
        }
    }

    /// `[.., width]` to the same shape and type.
    ///
    /// # Panics
    /// The width is another one.
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        let parameters = NormParameters {
            gamma: self.gamma.val(),
            beta: None,
        };
        let settings = NormSettings {
            is_centered: false,
            epsilon: self.epsilon,
        };
        norm(input, parameters, settings)
    }
}
