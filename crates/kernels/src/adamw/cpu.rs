use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use super::{AdamWStep, AdamWTensors, ScaledGradient, reference};
use crate::CHUNK;

/// One pass over all four tensors, in place where nobody else holds them.
pub fn adamw<const D: usize>(
    step: &AdamWStep,
    old: AdamWTensors<D>,
    gradient: ScaledGradient<D>,
) -> AdamWTensors<D> {
    let device = old.parameter.device();
    let factor = gradient.factor.clone().into_scalar::<f32>();
    if factor.is_nan() {
        return old;
    }
    let mut parameter = old.parameter.into_data();
    let mut first = old.first.into_data();
    let mut second = old.second.into_data();
    let values = gradient.values.into_data();
    let tensors = [&mut parameter, &mut first, &mut second];
    let is_done = update(step, factor, tensors, &values);
    let tensor = |data| Tensor::from_data(data, &device);
    let old_or_new = AdamWTensors {
        parameter: tensor(parameter),
        first: tensor(first),
        second: tensor(second),
    };
    if is_done {
        return old_or_new;
    }
    let values = tensor(values);
    reference::adamw(step, old_or_new, ScaledGradient { values, ..gradient })
}

/// Updates parameter and moments; false where they are no slices of f32, which then stay as they are.
fn update(
    step: &AdamWStep,
    factor: f32,
    tensors: [&mut TensorData; 3],
    gradient: &TensorData,
) -> bool {
    let slices = tensors.map(|data| data.as_mut_slice::<f32>());
    let ([Ok(parameter), Ok(first), Ok(second)], Ok(gradient)) =
        (slices, gradient.as_slice::<f32>())
    else {
        return false;
    };
    let rates = Rates::new(step, parameter);
    let chunks = (parameter.par_chunks_mut(CHUNK))
        .zip(first.par_chunks_mut(CHUNK))
        .zip(second.par_chunks_mut(CHUNK))
        .zip(gradient.par_chunks(CHUNK));
    chunks.for_each(|(((parameter, first), second), gradient)| {
        let elements = parameter.iter_mut().zip(first).zip(second).zip(gradient);
        for (((parameter, first), second), gradient) in elements {
            let gradient = gradient * factor;
            *first = rates.beta1 * *first + rates.fresh1 * gradient;
            *second = rates.beta2 * *second + rates.fresh2 * (gradient * gradient);
            let root = second.sqrt() * rates.root_factor + rates.epsilon;
            *parameter = rates.kept * *parameter - rates.step_size * (*first / root);
        }
    });
    true
}

/// The numbers of a step in f32.
struct Rates {
    beta1: f32,
    fresh1: f32,
    beta2: f32,
    fresh2: f32,
    root_factor: f32,
    epsilon: f32,
    kept: f32,
    step_size: f32,
}

impl Rates {
    fn new(step: &AdamWStep, parameter: &[f32]) -> Self {
        let [beta1, beta2] = step.betas;
        let scale = step
            .min_scale
            .map_or(1.0, |least| root_mean_square(parameter).max(least));
        Self {
            beta1: beta1 as f32,
            fresh1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            fresh2: (1.0 - beta2) as f32,
            root_factor: (1.0 / step.root_correction) as f32,
            epsilon: step.epsilon as f32,
            kept: (1.0 - step.decay) as f32,
            step_size: (step.step_size * scale) as f32,
        }
    }
}

/// Summed chunk by chunk in the order of the chunks, so that it is the same in each run.
fn root_mean_square(values: &[f32]) -> f64 {
    let square = |value: &f32| f64::from(*value) * f64::from(*value);
    let sums: Vec<f64> = values
        .par_chunks(CHUNK)
        .map(|chunk| chunk.iter().map(square).sum())
        .collect();
    (sums.iter().sum::<f64>() / values.len() as f64).sqrt()
}
