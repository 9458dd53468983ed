//! Cubes that go over the elements of a tensor side by side, and one that adds up the sums of all cubes, in an order that
//! depends on nothing but the tensors and the device.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Device, Tensor};
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use crate::cube::tensors::{TensorsLaunch, cube_tensor, launches, num_cubes};
use crate::cube::{address_type, empty_beside, sum_of_units};

/// Tensors of one device whose squares are still to be summed.
#[derive(Debug)]
pub struct Kept {
    tensors: Vec<CubeTensor>,
    device: Device,
}

impl Kept {
    /// None yet.
    pub fn new(device: Device) -> Self {
        let tensors = Vec::new();
        Self { tensors, device }
    }

    /// Keeps one more.
    pub fn add<const D: usize>(&mut self, tensor: Tensor<D>) {
        self.tensors.push(into_contiguous(cube_tensor(tensor)));
    }

    /// The sum of all of them, `[1]`.
    pub fn finish(self) -> Tensor<1> {
        let sum = Tensor::<1>::empty([1], (&self.device, DType::F32));
        let sum = <Dispatch as SquaresOps>::put_sum(sum.into_dispatch(), self.tensors);
        Tensor::from_dispatch(sum)
    }
}

/// The sums of graphics cards.
#[backend_extension(Cube)]
pub trait SquaresOps: Backend {
    /// Writes the sum of the squares of all elements of dense tensors.
    fn put_sum(sum: FloatTensor<Self>, tensors: Vec<CubeTensor>) -> FloatTensor<Self>;
}

impl SquaresOps for CubeBackend {
    fn put_sum(sum: CubeTensor, mut tensors: Vec<CubeTensor>) -> CubeTensor {
        let launches = launches(
            &mut tensors,
            1,
            |tensor| tensor,
            |one, other| one.dtype == other.dtype,
        );
        let nums = launches.iter().map(|tensors| num_sums(tensors));
        let sums = empty_beside(&sum, [nums.sum::<usize>()], DType::F32);
        let mut first = 0;
        for tensors in launches {
            put_sums(tensors, &sums, first, true);
            first += num_sums(tensors);
        }
        put_sums(&[sums], &sum, 0, false);
        sum
    }
}

/// How many sums a launch over these tensors writes.
fn num_sums(tensors: &[CubeTensor]) -> usize {
    tensors.len() * num_cubes(tensors)
}

/// For each tensor the sum of the squares of its elements, `[tensors]`.
pub fn sums_of_squares(tensors: &[CubeTensor]) -> CubeTensor {
    let shape = [tensors.len(), num_cubes(tensors)];
    let sums = empty_beside(&tensors[0], shape, DType::F32);
    put_sums(tensors, &sums, 0, true);
    CubeBackend::float_sum_dim(sums, 1)
}

/// Writes for each tensor, of one type, the sums of its cubes' elements, or of their squares, from a place on.
fn put_sums(tensors: &[CubeTensor], sums: &CubeTensor, first: usize, are_squared: bool) {
    let launch = TensorsLaunch::new(&sums.client, tensors);
    let arguments = tensors.iter().cloned().map(CubeTensor::into_buffer_arg);
    sums_kernel::launch(
        &sums.client,
        launch.count,
        launch.dim,
        address_type(tensors),
        arguments.collect(),
        sums.clone().into_buffer_arg(),
        first,
        are_squared,
        launch.units,
        dtype_to_storage_type(tensors[0].dtype),
    );
}

#[cube(launch, address_type = "dynamic")]
fn sums_kernel<F: Float>(
    tensors: &Sequence<Box<[F]>>,
    sums: &mut [f32],
    first: usize,
    #[comptime] are_squared: bool,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let sum = RuntimeCell::<f32>::new(0.0);
    #[unroll]
    for tensor in 0..tensors.len() {
        if CUBE_POS_Y as usize == tensor {
            sum.store(sum_of_unit::<F>(&tensors[tensor], are_squared, units));
        }
    }
    let sum = sum_of_units(sum.read(), units);
    if UNIT_POS == 0 {
        sums[first + CUBE_POS] = sum;
    }
}

/// What a unit adds up of the elements of a tensor.
#[cube]
fn sum_of_unit<F: Float>(
    elements: &[F],
    #[comptime] are_squared: bool,
    #[comptime] units: usize,
) -> f32 {
    let mut sum = 0.0f32;
    let mut place = CUBE_POS_X as usize * units + UNIT_POS as usize;
    while place < elements.len() {
        let element = f32::cast_from(elements[place]);
        if comptime!(are_squared) {
            sum += element * element;
        } else {
            sum += element;
        }
        place += CUBE_COUNT_X as usize * units;
    }
    sum
}
