//! Cubes that go over the elements side by side, and one that adds up their sums, in an order that depends on nothing but
//! the number of elements and the device.

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use super::SumOfSquaresOps;
use crate::cube::{RowLaunch, address_type, empty_beside, sum_of_units};

/// Elements of a cube at least, where there are several cubes.
const ELEMENTS_OF_CUBE: usize = 1 << 12;
/// Cubes at most: as many as the widest cards run at once.
const MOST_CUBES: usize = 1024;

impl SumOfSquaresOps for CubeBackend {
    fn sum_of_squares(tensor: CubeTensor) -> CubeTensor {
        let tensor = into_contiguous(tensor);
        let num_elements = tensor.shape().num_elements();
        let num_cubes = num_elements.div_ceil(ELEMENTS_OF_CUBE).clamp(1, MOST_CUBES);
        let of_cubes = sums(tensor, num_cubes, true);
        match num_cubes {
            1 => of_cubes,
            _ => sums(of_cubes, 1, false),
        }
    }
}

/// The sum of the elements of each cube, `[num_cubes]`, or of their squares.
fn sums(tensor: CubeTensor, num_cubes: usize, are_squared: bool) -> CubeTensor {
    let sums = empty_beside(&tensor, [num_cubes], DType::F32);
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
        are_squared,
        launch.units,
        dtype,
    );
    sums
}

#[cube(launch, address_type = "dynamic")]
fn sums_kernel<F: Float>(
    elements: &[F],
    sums: &mut [f32],
    #[comptime] are_squared: bool,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let (cube, unit) = (CUBE_POS, UNIT_POS as usize);
    if cube >= sums.len() {
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
        place += sums.len() * units;
    }
    let sum = sum_of_units(sum, units);
    if unit == 0 {
        sums[cube] = sum;
    }
}
