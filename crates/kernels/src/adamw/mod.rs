//! The update of one parameter by Adam with decoupled weight decay (Loshchilov and Hutter 2019).

mod cpu;
#[cfg(feature = "cube")]
mod cube;
pub mod reference;

use burn::tensor::{DType, Tensor};

use crate::processor::is_processor;

/// What a step needs beside tensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWStep {
    /// Decay rates of the two moments.
    pub betas: [f64; 2],
    /// Learning rate over the first moment's bias correction.
    pub step_size: f64,
    /// What the root of the second moment is divided by: the root of its bias correction.
    pub root_correction: f64,
    /// Added to the divided root.
    pub epsilon: f64,
    /// Share of the parameter that goes: learning rate times weight decay.
    pub decay: f64,
    /// Where given, the step is multiplied by the root mean square of the parameter, or by this if that is less.
    pub min_scale: Option<f64>,
}

/// A parameter with its moments, all of one shape and in f32.
#[derive(Debug, Clone)]
pub struct AdamWTensors<const D: usize> {
    /// The parameter.
    pub parameter: Tensor<D>,
    /// Mean of the gradients.
    pub first: Tensor<D>,
    /// Mean of their squares.
    pub second: Tensor<D>,
}

/// A gradient and what it is multiplied by, in f32.
#[derive(Debug, Clone)]
pub struct ScaledGradient<const D: usize> {
    /// Of the parameter's shape.
    pub values: Tensor<D>,
    /// `[1]`. NaN means that nothing is to change.
    pub factor: Tensor<1>,
}

impl<const D: usize> ScaledGradient<D> {
    /// A gradient times a factor; as it is without one.
    pub fn new(values: Tensor<D>, factor: Option<Tensor<1>>) -> Self {
        let factor = factor.unwrap_or_else(|| Tensor::ones([1], &values.device()));
        Self { values, factor }
    }
}

/// All three after one more gradient, or to the last bit as they were where its factor is NaN. Without history: no tensor
/// may be on a device with gradients.
pub fn adamw<const D: usize>(
    step: &AdamWStep,
    old: AdamWTensors<D>,
    gradient: ScaledGradient<D>,
) -> AdamWTensors<D> {
    let tensors = [&old.parameter, &old.first, &old.second, &gradient.values];
    if tensors.iter().any(|tensor| tensor.dtype() != DType::F32) {
        return reference::adamw(step, old, gradient);
    }
    if is_processor(&gradient.values.device()) {
        return cpu::adamw(step, old, gradient);
    }
    #[cfg(feature = "cube")]
    return cube::adamw(step, old, gradient);
    #[cfg(not(feature = "cube"))]
    reference::adamw(step, old, gradient)
}
