//! The same in plain tensor operations.

use burn::tensor::Tensor;

use super::{AdamWStep, AdamWTensors, ScaledGradient};

/// As [`super::adamw`].
pub fn adamw<const D: usize>(
    step: &AdamWStep,
    old: AdamWTensors<D>,
    gradient: ScaledGradient<D>,
) -> AdamWTensors<D> {
    let factor = gradient.factor.reshape([1; D]);
    let is_kept = factor.clone().is_nan().expand(old.parameter.dims());
    let new = updated(step, old.clone(), gradient.values * factor);
    let chosen = |new: Tensor<D>, old| new.mask_where(is_kept.clone(), old);
    AdamWTensors {
        parameter: chosen(new.parameter, old.parameter),
        first: chosen(new.first, old.first),
        second: chosen(new.second, old.second),
    }
}

fn updated<const D: usize>(
    step: &AdamWStep,
    old: AdamWTensors<D>,
    gradient: Tensor<D>,
) -> AdamWTensors<D> {
    let [beta1, beta2] = step.betas;
    let squared = gradient.clone().square().mul_scalar(1.0 - beta2);
    let first = old.first.mul_scalar(beta1) + gradient.mul_scalar(1.0 - beta1);
    let second = old.second.mul_scalar(beta2) + squared;
    let root = second.clone().sqrt().div_scalar(step.root_correction);
    let update = (first.clone() / root.add_scalar(step.epsilon)).mul_scalar(step.step_size);
    let update = match step.min_scale {
        Some(least) => {
            let scale = old
                .parameter
                .clone()
                .square()
                .mean()
                .sqrt()
                .clamp_min(least);
            update * scale.unsqueeze()
        }
        None => update,
    };
    let parameter = match step.decay {
        0.0 => old.parameter,
        decay => old.parameter.mul_scalar(1.0 - decay),
    };
    AdamWTensors {
        parameter: parameter - update,
        first,
        second,
    }
}
