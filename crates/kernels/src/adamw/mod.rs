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
    let mut updates = Updates::new(Some(gradient.factor));
    let updated = updates.add(step, old, gradient.values);
    updates.finish();
    updated
}

/// Updates of several parameters of a device, whose gradients have one factor. Graphics cards make many of them in a
/// launch.
#[derive(Debug)]
#[must_use = "graphics cards update when it is finished"]
pub struct Updates {
    factor: Option<Tensor<1>>,
    #[cfg(feature = "cube")]
    pending: Vec<cube::Pending>,
}

impl Updates {
    /// None yet. The factor is `[1]`, in f32; without one gradients are taken as they are.
    pub fn new(factor: Option<Tensor<1>>) -> Self {
        Self {
            factor,
            #[cfg(feature = "cube")]
            pending: Vec::new(),
        }
    }

    /// What gradients are multiplied by, where it is known.
    pub fn factor(&self) -> Option<Tensor<1>> {
        self.factor.clone()
    }

    /// [`adamw`], but that the values may be the old ones until all updates are finished.
    pub fn add<const D: usize>(
        &mut self,
        step: &AdamWStep,
        old: AdamWTensors<D>,
        gradient: Tensor<D>,
    ) -> AdamWTensors<D> {
        let scaled = ScaledGradient::new(gradient, self.factor.take());
        self.factor = Some(scaled.factor.clone());
        let tensors = [&old.parameter, &old.first, &old.second, &scaled.values];
        if tensors.iter().any(|tensor| tensor.dtype() != DType::F32) {
            return reference::adamw(step, old, scaled);
        }
        if is_processor(&scaled.values.device()) {
            return cpu::adamw(step, old, scaled);
        }
        #[cfg(feature = "cube")]
        return cube::add(step, old, scaled.values, &mut self.pending);
        #[cfg(not(feature = "cube"))]
        reference::adamw(step, old, scaled)
    }

    /// Makes those that are still to be made.
    pub fn finish(self) {
        #[cfg(feature = "cube")]
        if let (Some(factor), false) = (self.factor, self.pending.is_empty()) {
            cube::update(self.pending, factor);
        }
    }
}
