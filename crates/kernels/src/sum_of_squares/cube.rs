//! Cubes that go over the elements of a tensor side by side, and one that adds up the sums of all cubes, in an order that
//! depends on nothing but the numbers of elements and the device.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::{
    Backend, Dispatch, DispatchTensor, TensorMetadata, backend_extension, tensor::FloatTensor,
};
use burn::tensor::{DType, Device, Tensor};
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use crate::cube::{RowLaunch, address_type, empty_beside, sum_of_units};

/// Elements of a cube at least, where there are several cubes.
const ELEMENTS_OF_CUBE: usize = 1 << 12;
/// Cubes of a tensor at most: as many as the widest cards run at once.
const MOST_CUBES: usize = 1024;

/// Of tensors of one device, `[1]`.
pub fn sum_of_squares(tensors: Vec<DispatchTensor>, device: &Device) -> Tensor<1> {
    let num_sums: usize = tensors.iter().map(num_cubes).sum();
    let sums = Tensor::<1>::empty([num_sums], (device, DType::F32));
    let mut sums = sums.into_dispatch();
    let mut first = 0;
    for tensor in tensors {
        let next = first + num_cubes(&tensor);
        sums = <Dispatch as SquaresOps>::put_sums(sums, tensor, first);
        first = next;
    }
    Tensor::from_dispatch(<Dispatch as SquaresOps>::total(sums))
}

/// Cubes of a tensor.
fn num_cubes(tensor: &impl TensorMetadata) -> usize {
    let num_elements = tensor.shape().num_elements();
    num_elements.div_ceil(ELEMENTS_OF_CUBE).clamp(1, MOST_CUBES)
}

/// The sums of graphics cards.
#[backend_extension(Cube)]
pub trait SquaresOps: Backend {
    /// Writes the sum of the squares of each cube's elements, from a place on.
    fn put_sums(
        sums: FloatTensor<Self>,
        tensor: FloatTensor<Self>,
        first: usize,
    ) -> FloatTensor<Self>;

    /// The sum of all sums, `[1]`.
    fn total(sums: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl SquaresOps for CubeBackend {
    fn put_sums(sums: CubeTensor, tensor: CubeTensor, first: usize) -> CubeTensor {
        let num_cubes = num_cubes(&tensor);
        add_up(into_contiguous(tensor), &sums, first, num_cubes, true);
        sums
    }

    fn total(sums: CubeTensor) -> CubeTensor {
        let total = empty_beside(&sums, [1], DType::F32);
        add_up(sums, &total, 0, 1, false);
        total
    }
}

/// Writes the sum of each cube's elements, or of their squares, from a place on.
fn add_up(
    tensor: CubeTensor,
    sums: &CubeTensor,
    first: usize,
    num_cubes: usize,
    are_squared: bool,
) {
    let client = tensor.client.clone();
    let width = tensor.shape().num_elements().div_ceil(num_cubes);
    let launch = RowLaunch::new(&client, num_cubes, width);
    let dtype = dtype_to_storage_type(tensor.dtype);
    sums_kernel::launch(
        &client,
        launch.count,
        launch.dim,
        address_type([&tensor]),
        tensor.into_buffer_arg(),
        sums.clone().into_buffer_arg(),
        first,
        num_cubes,
        are_squared,
        launch.units,
        dtype,
    );
}

#[cube(launch, address_type = "dynamic")]
fn sums_kernel<F: Float>(
    elements: &[F],
    sums: &mut [f32],
    first: usize,
    num_cubes: usize,
    #[comptime] are_squared: bool,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let (cube, unit) = (CUBE_POS, UNIT_POS as usize);
    if cube >= num_cubes {
        terminate!();
    }
    let mut sum = 0.0f32;
    let mut place = cube * units + unit;
    while place < elements.len() {
        let element = f32::cast_from(elements[place]);
        if comptime!(are_squared) {
            sum += element * element;
        } else {
            sum += element;
        }
        place += num_cubes * units;
    }
    let sum = sum_of_units(sum, units);
    if unit == 0 {
        sums[first + cube] = sum;
    }
}
