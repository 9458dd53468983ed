//! Several parameters in a launch, a unit for some elements of one.

use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use super::{AdamWStep, AdamWTensors};
use crate::cube::tensors::{TensorsLaunch, cube_tensor, launches};
use crate::cube::{address_type, into_own};
use crate::sum_of_squares::cube::sums_of_squares;

/// An update that is to come.
#[derive(Debug)]
pub struct Pending {
    parameter: CubeTensor,
    first: CubeTensor,
    second: CubeTensor,
    gradient: CubeTensor,
    step: AdamWStep,
}

/// The tensors that the update will be made to, in place where nobody else holds them; it is one more of `pending`.
pub fn add<const D: usize>(
    step: &AdamWStep,
    old: AdamWTensors<D>,
    gradient: Tensor<D>,
    pending: &mut Vec<Pending>,
) -> AdamWTensors<D> {
    let (parameter, first, second) = <Dispatch as AdamWOps>::add(
        old.parameter.into_dispatch(),
        old.first.into_dispatch(),
        old.second.into_dispatch(),
        gradient.into_dispatch(),
        *step,
        pending,
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
    /// As [`add`].
    fn add(
        parameter: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        step: AdamWStep,
        pending: &mut Vec<Pending>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl AdamWOps for CubeBackend {
    fn add(
        parameter: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        gradient: CubeTensor,
        step: AdamWStep,
        pending: &mut Vec<Pending>,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let [parameter, first, second] = [parameter, first, second].map(into_own);
        pending.push(Pending {
            parameter: parameter.clone(),
            first: first.clone(),
            second: second.clone(),
            gradient: into_contiguous(gradient),
            step,
        });
        (parameter, first, second)
    }
}

/// Makes the updates, of gradients times a factor.
pub fn update(mut pending: Vec<Pending>, factor: Tensor<1>) {
    let factor = cube_tensor(factor);
    let are_alike = |one: &Pending, other: &Pending| one.is_scaled() == other.is_scaled();
    for updates in launches(&mut pending, 4, |update| &update.parameter, are_alike) {
        launch(updates, &factor);
    }
}

/// Makes updates all of which are scaled by their parameters, or none.
fn launch(updates: &[Pending], factor: &CubeTensor) {
    let parameters = updates.iter().map(|update| update.parameter.clone());
    let parameters: Vec<_> = parameters.collect();
    let launch = TensorsLaunch::new(&factor.client, &parameters);
    let squares = updates[0].is_scaled().then(|| sums_of_squares(&parameters));
    adamw_kernel::launch(
        &factor.client,
        launch.count,
        launch.dim,
        address_type(&parameters),
        updates.iter().map(Pending::argument).collect(),
        factor.clone().into_buffer_arg(),
        squares.map(CubeTensor::into_buffer_arg).into(),
        launch.units,
    );
}

impl Pending {
    fn is_scaled(&self) -> bool {
        self.step.min_scale.is_some()
    }

    fn argument(&self) -> UpdateLaunch {
        let buffer = |tensor: &CubeTensor| tensor.clone().into_buffer_arg();
        UpdateLaunch::new(
            buffer(&self.parameter),
            buffer(&self.first),
            buffer(&self.second),
            buffer(&self.gradient),
            rates(&self.step),
        )
    }
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

/// A parameter, its moments and its gradient.
#[derive(CubeType, CubeLaunch)]
struct Update {
    parameter: Box<[f32]>,
    first: Box<[f32]>,
    second: Box<[f32]>,
    gradient: Box<[f32]>,
    rates: Rates,
}

/// The updates of the cubes in y. `squares` are the sums of the parameters' squares.
#[cube(launch, address_type = "dynamic")]
fn adamw_kernel(
    updates: &mut Sequence<Update>,
    factor: &[f32],
    squares: ComptimeOption<&[f32]>,
    #[comptime] units: usize,
) {
    let factor = factor[0];
    if factor.is_nan() {
        terminate!();
    }
    #[unroll]
    for index in 0..updates.len() {
        if CUBE_POS_Y as usize == index {
            let update = &mut updates[index];
            let scale: ComptimeOption<f32> = squares.as_ref().map(|squares| {
                let mean = squares[index] / f32::cast_from(update.parameter.len());
                max(f32::sqrt(mean), update.rates.min_scale)
            });
            let step_size = update.rates.step_size * scale.unwrap_or(1.0f32);
            update_elements(update, factor, step_size, units);
        }
    }
}

/// Those of a unit.
#[cube]
fn update_elements(update: &mut Update, factor: f32, step_size: f32, #[comptime] units: usize) {
    let rates = &update.rates;
    let mut place = CUBE_POS_X as usize * units + UNIT_POS as usize;
    while place < update.gradient.len() {
        let gradient = update.gradient[place] * factor;
        let mean = rates.beta1 * update.first[place] + rates.fresh1 * gradient;
        let square = rates.beta2 * update.second[place] + rates.fresh2 * (gradient * gradient);
        let root = f32::sqrt(square) * rates.root_factor + rates.epsilon;
        update.first[place] = mean;
        update.second[place] = square;
        update.parameter[place] = rates.kept * update.parameter[place] - step_size * (mean / root);
        place += CUBE_COUNT_X as usize * units;
    }
}
