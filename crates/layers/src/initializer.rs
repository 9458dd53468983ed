//! Random weights as the papers' code draws them.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Distribution, Shape, Tensor};

/// How many times a truncated normal is drawn again where it fell outside. What then still lies
/// outside (4 in 10 million) is clamped.
const NUM_REDRAWS: usize = 4;

/// Standard deviation of a unit normal that is truncated at two standard deviations.
const TRUNCATED_UNIT_STD: f64 = 0.879_625_661_034_239_8;

/// A distribution to draw weights from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initializer {
    /// Every element 0.
    Zeros,
    /// Every element 1.
    Ones,
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Normal with mean 0 and this standard deviation, redrawn beyond twice of it.
    TruncatedNormal(f64),
    /// Uniform in `±sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010).
    GlorotUniform,
}

impl Initializer {
    /// A truncated normal whose standard deviation *after* truncation is `std`.
    pub fn truncated_to_std(std: f64) -> Self {
        Self::TruncatedNormal(std / TRUNCATED_UNIT_STD)
    }

    /// A parameter that is drawn when it is first read, so that loading never draws it.
    pub fn init<const D: usize>(self, shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
        Param::uninitialized(
            ParamId::new(),
            move |device, require_grad| {
                let tensor = self.draw(shape, device);
                if require_grad {
                    tensor.require_grad()
                } else {
                    tensor
                }
            },
            device.clone(),
            true,
            Shape::from(shape),
        )
    }

    fn draw<const D: usize>(self, shape: [usize; D], device: &Device) -> Tensor<D> {
        match self {
            Self::Zeros => Tensor::zeros(shape, device),
            Self::Ones => Tensor::ones(shape, device),
            Self::Normal(std) => Tensor::random(shape, Distribution::Normal(0.0, std), device),
            Self::TruncatedNormal(std) => draw_truncated(shape, device) * std,
            Self::GlorotUniform => {
                let fans: usize = shape.iter().rev().take(2).sum();
                let limit = (6.0 / fans as f64).sqrt();
                Tensor::random(shape, Distribution::Uniform(-limit, limit), device)
            }
        }
    }
}

fn draw_truncated<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let unit = Distribution::Normal(0.0, 1.0);
    let mut tensor = Tensor::random(shape, unit, device);
    for _ in 0..NUM_REDRAWS {
        let outside = tensor.clone().abs().greater_scalar(2.0);
        tensor = tensor.mask_where(outside, Tensor::random(shape, unit, device));
    }
    tensor.clamp(-2.0, 2.0)
}

/// Draws every parameter of `module` that was not read yet, in the order of its fields.
pub fn draw_all<M: Module>(module: M) -> M {
    module.visit(&mut Reading);
    module
}

struct Reading;

impl ModuleVisitor for Reading {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        drop(param.val());
    }
}

/// A linear layer with drawn weights and, if any, a bias of zeros.
pub fn linear(
    d_input: usize,
    d_output: usize,
    bias: bool,
    initializer: Initializer,
    device: &Device,
) -> Linear {
    Linear {
        weight: initializer.init([d_input, d_output], device),
        bias: bias.then(|| Initializer::Zeros.init([d_output], device)),
    }
}

/// An embedding table with drawn rows.
pub fn embedding(
    num_rows: usize,
    width: usize,
    initializer: Initializer,
    device: &Device,
) -> Embedding {
    Embedding {
        weight: initializer.init([num_rows, width], device),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lamplight_testing::test_device;

    #[test]
    fn weights_wait_until_they_are_drawn() {
        let layer = linear(2, 3, false, Initializer::Normal(1.0), &test_device());
        assert!(!layer.weight.is_initialized());
        assert!(draw_all(layer).weight.is_initialized());
    }
}
