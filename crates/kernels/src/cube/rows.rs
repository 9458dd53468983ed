//! Sums over the rows of a matrix.

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::{address_type, empty_beside, vector_width};

/// Vectors of columns side by side of a cube.
const COLUMNS: usize = 32;
/// Units of a cube for each of its columns, where it has several.
const LANES: usize = 8;
/// Rows that one cube adds up at most where nothing is left to do after it, which is also the most blocks of rows.
const MOST_ROWS: usize = 256;
/// Rows of a block at least.
const LEAST_ROWS: usize = 64;

/// The sum of the rows of a dense matrix, `[width]`, added up in f32 in an order that depends on nothing but the shape and
/// the device.
pub fn sum_of_rows(matrix: CubeTensor, dtype: DType) -> CubeTensor {
    let [rows, width] = [matrix.shape()[0], matrix.shape()[1]];
    if rows <= MOST_ROWS {
        let sum = empty_beside(&matrix, [width], dtype);
        add_up(matrix, &sum, rows);
        return sum;
    }
    let rows_of_block = rows.div_ceil(MOST_ROWS).max(LEAST_ROWS);
    let num_blocks = rows.div_ceil(rows_of_block);
    let of_blocks = empty_beside(&matrix, [num_blocks, width], DType::F32);
    add_up(matrix, &of_blocks, rows_of_block);
    sum_of_rows(of_blocks, dtype)
}

/// Writes the sums over each block of rows.
fn add_up(matrix: CubeTensor, sums: &CubeTensor, rows_of_block: usize) {
    let client = matrix.client.clone();
    let [rows, width] = [matrix.shape()[0], matrix.shape()[1]];
    let num_blocks = sums.shape().num_elements() / width.max(1);
    // Where a plane is one unit, units are threads of a processor.
    let lanes = match client.properties().hardware.plane_size_max {
        0 | 1 => 1,
        _ => LANES,
    };
    let address_type = address_type([&matrix]);
    let dtypes = [matrix.dtype, sums.dtype].map(dtype_to_storage_type);
    let vector = vector_width(&client, DType::F32, width);
    let width = width / vector;
    rows_kernel::launch(
        &client,
        CubeCount::Static(width.div_ceil(COLUMNS) as u32, num_blocks as u32, 1),
        CubeDim::new_2d(COLUMNS as u32, lanes as u32),
        address_type,
        vector,
        matrix.into_buffer_arg(),
        sums.clone().into_buffer_arg(),
        rows,
        width,
        rows_of_block,
        COLUMNS,
        lanes,
        dtypes,
    );
}

#[cube(launch, address_type = "dynamic")]
#[expect(
    clippy::too_many_arguments,
    reason = "a kernel's arguments lie side by side"
)]
fn rows_kernel<I: Float, O: Float, N: Size>(
    matrix: &[Vector<I, N>],
    sums: &mut [Vector<O, N>],
    rows: usize,
    width: usize,
    rows_of_block: usize,
    #[comptime] columns: usize,
    #[comptime] lanes: usize,
    #[define(I, O)] _dtypes: [ElemType; 2],
) {
    let mut of_lanes = Shared::<[Vector<f32, N>]>::new_slice(comptime!(columns * lanes));
    let (column, lane) = (UNIT_POS_X as usize, UNIT_POS_Y as usize);
    let at = CUBE_POS_X as usize * columns + column;
    let block = CUBE_POS_Y as usize;
    let end = min(rows, (block + 1) * rows_of_block);
    let mut sum = Vector::<f32, N>::zeroed();
    let mut row = block * rows_of_block + lane;
    while row < end && at < width {
        sum += Vector::cast_from(matrix[row * width + at]);
        row += lanes;
    }
    of_lanes[lane * columns + column] = sum;
    sync_cube();
    if lane == 0 && at < width {
        let mut total = Vector::<f32, N>::zeroed();
        #[unroll]
        for lane in 0..lanes {
            total += of_lanes[lane * columns + column];
        }
        sums[block * width + at] = Vector::cast_from(total);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::{Int, Tensor};
    use lamplight_testing::test_device;

    use super::*;
    use crate::cube::tensors::{burn_tensor, cube_tensor};
    use crate::processor::is_processor;

    /// Of integers, so that no sum is rounded; of one block and of several.
    #[test]
    fn every_row_counts_once() {
        let device = test_device();
        if is_processor(&device) {
            return;
        }
        for [rows, width] in [[0, 3], [1, 1], [7, 33], [256, 64], [257, 5], [66_000, 3]] {
            let values = Tensor::<1, Int>::arange(0..(rows * width) as i64, &device) % 13;
            let matrix = values.float().reshape([rows, width]);
            let expected: Vec<f32> = (0..width)
                .map(|column| {
                    (0..rows)
                        .map(|row| ((row * width + column) % 13) as f32)
                        .sum()
                })
                .collect();
            let sum = sum_of_rows(cube_tensor(matrix), DType::F32);
            let sum: Vec<f32> = burn_tensor::<1>(sum, &device).try_into_vec_as().unwrap();
            assert_eq!(sum, expected, "{rows} x {width}");
        }
    }
}
