//! A unit for each element.

use burn::backend::ops::FloatTensorOps;
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use super::{AdamWStep, AdamWTensors, ScaledGradient};
use crate::cube::{ElementLaunch, address_type, into_own};

/// In place where nobody else holds a tensor.
pub fn adamw<const D: usize>(
    step: &AdamWStep,
    old: AdamWTensors<D>,
    gradient: ScaledGradient<D>,
) -> AdamWTensors<D> {
    let (parameter, first, second) = <Dispatch as AdamWOps>::adamw(
        old.parameter.into_dispatch(),
        old.first.into_dispatch(),
        old.second.into_dispatch(),
        gradient.values.into_dispatch(),
        gradient.factor.into_dispatch(),
        *step,
    );
    let [parameter, first, second] = [parameter, first, second].map(Tensor::from_dispatch);
    AdamWTensors {
        parameter,
        first,
        second,
    }
}

/// The update of graphics cards.
#[backend_extension(Cube)]
pub trait AdamWOps: Backend {
    /// As [`adamw`].
    fn adamw(
        parameter: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        factor: FloatTensor<Self>,
        step: AdamWStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl AdamWOps for CubeBackend {
    fn adamw(
        parameter: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        gradient: CubeTensor,
        factor: CubeTensor,
        step: AdamWStep,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let [parameter, first, second] = [parameter, first, second].map(into_own);
        let gradient = into_contiguous(gradient);
        let client = gradient.client.clone();
        let launch = ElementLaunch::new(&client, gradient.shape().num_elements());
        let mean_square = step.min_scale.map(|_| mean_square(parameter.clone()));
        adamw_kernel::launch(
            &client,
            launch.count,
            launch.dim,
            address_type([&gradient]),
            parameter.clone().into_buffer_arg(),
            first.clone().into_buffer_arg(),
            second.clone().into_buffer_arg(),
            gradient.into_buffer_arg(),
            factor.into_buffer_arg(),
            mean_square.map(CubeTensor::into_buffer_arg).into(),
            rates(&step),
        );
        (parameter, first, second)
    }
}

fn mean_square(parameter: CubeTensor) -> CubeTensor {
    CubeBackend::float_mean(CubeBackend::float_mul(parameter.clone(), parameter))
}

fn rates(step: &AdamWStep) -> RatesLaunch {
    let [beta1, beta2] = step.betas;
    RatesLaunch::new(
        beta1 as f32,
        (1.0 - beta1) as f32,
        beta2 as f32,
        (1.0 - beta2) as f32,
        (1.0 / step.root_correction) as f32,
        step.epsilon as f32,
        (1.0 - step.decay) as f32,
        step.step_size as f32,
        step.min_scale.unwrap_or_default() as f32,
    )
}

/// The numbers of a step in f32.
#[derive(CubeType, CubeLaunch)]
struct Rates {
    beta1: f32,
    fresh1: f32,
    beta2: f32,
    fresh2: f32,
    root_factor: f32,
    epsilon: f32,
    kept: f32,
    step_size: f32,
    min_scale: f32,
}

#[cube(launch, address_type = "dynamic")]
fn adamw_kernel(
    parameter: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    factor: &[f32],
    mean_square: ComptimeOption<&[f32]>,
    rates: Rates,
) {
    let place = ABSOLUTE_POS;
    let factor = factor[0];
    if place >= gradient.len() || factor.is_nan() {
        terminate!();
    }
    let scale: ComptimeOption<f32> = mean_square
        .as_ref()
        .map(|mean_square| max(f32::sqrt(mean_square[0]), rates.min_scale));
    let step_size = rates.step_size * scale.unwrap_or(1.0f32);
    let gradient = gradient[place] * factor;
    let mean = rates.beta1 * first[place] + rates.fresh1 * gradient;
    let square = rates.beta2 * second[place] + rates.fresh2 * (gradient * gradient);
    let root = f32::sqrt(square) * rates.root_factor + rates.epsilon;
    first[place] = mean;
    second[place] = square;
    parameter[place] = rates.kept * parameter[place] - step_size * (mean / root);
}
