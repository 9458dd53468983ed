//! The gradient of a weight, a product over all rows of a batch. There are often far more rows than the weight is wide or
//! high, and so fewer tiles of it than a card multiplies at once: then parts of the rows are multiplied side by side.

use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::kernel::matmul::{MatmulStrategy, matmul};
use burn_cubecl::tensor::CubeTensor;

use crate::cube::rows::sum_of_rows;
use crate::product::cube::{ProductOps, transposed};

/// Rows and columns of a tile that a multiprocessor multiplies.
const TILE: usize = 128;
/// Rows of a part at least.
const LEAST_ROWS: usize = 256;
/// Parts at most.
const MOST_PARTS: usize = 64;

/// `input^T from_above`, of matrices with a row for each token.
pub fn weight_gradient(input: CubeTensor, from_above: CubeTensor) -> CubeTensor {
    let hardware = &input.client.properties().hardware;
    let num_processors = hardware.num_streaming_multiprocessors.unwrap_or(1) as usize;
    let tiles = |tensor: &CubeTensor| tensor.shape()[1].div_ceil(TILE).max(1);
    let num_tiles = tiles(&input) * tiles(&from_above);
    match num_parts(input.shape()[0], num_processors / num_tiles) {
        1 => CubeBackend::product(transposed(input), from_above),
        num_parts => in_parts(input, from_above, num_parts),
    }
}

/// Into how many equal parts of a power of two so many rows are split, of which `wanted` would be enough.
fn num_parts(num_rows: usize, wanted: usize) -> usize {
    let most = wanted.min(num_rows / LEAST_ROWS).clamp(1, MOST_PARTS);
    let power = most.ilog2().min(num_rows.trailing_zeros());
    1 << power
}

/// The products of the parts are in f32, and so is their sum until it is whole.
fn in_parts(input: CubeTensor, from_above: CubeTensor, num_parts: usize) -> CubeTensor {
    let dtype = from_above.dtype;
    let (num_inputs, num_outputs) = (input.shape()[1], from_above.shape()[1]);
    let parts = |tensor: CubeTensor| {
        let [rows, width] = [tensor.shape()[0], tensor.shape()[1]];
        CubeBackend::float_reshape(tensor, Shape::new([num_parts, rows / num_parts, width]))
    };
    let products = product_in_f32(transposed(parts(input)), parts(from_above));
    let all_of_a_part = Shape::new([num_parts, num_inputs * num_outputs]);
    let products = CubeBackend::float_reshape(products, all_of_a_part);
    let sum = sum_of_rows(into_contiguous(products), dtype);
    CubeBackend::float_reshape(sum, Shape::new([num_inputs, num_outputs]))
}

fn product_in_f32(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    if left.dtype == DType::F32 {
        return CubeBackend::product(left, right);
    }
    matmul(left, right, None, MatmulStrategy::default(), DType::F32)
        .unwrap_or_else(|error| panic!("a product of half precision in f32: {error:?}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::{Distribution, Tensor};
    use lamplight_testing::{assert_close, test_device};

    use super::*;
    use crate::cube::tensors::{burn_tensor, cube_tensor};
    use crate::processor::is_processor;

    #[test]
    fn rows_are_split_evenly_and_no_further_than_they_last() {
        assert_eq!(num_parts(16384, 132), 64);
        assert_eq!(num_parts(16384, 33), 32);
        assert_eq!(num_parts(16384, 0), 1);
        assert_eq!(num_parts(2048, 132), 8);
        assert_eq!(num_parts(3 * 1024, 132), 8);
        assert_eq!(num_parts(1025, 132), 1);
        assert_eq!(num_parts(0, 132), 1);
    }

    /// What only cards compute in parts.
    #[test]
    fn parts_add_up_to_the_whole() {
        let device = test_device();
        if is_processor(&device) {
            return;
        }
        for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F16, 2e-3)] {
            if !device.supports_dtype(dtype) {
                continue;
            }
            let normal = Distribution::Normal(0.0, 0.1);
            let random =
                |shape: [usize; 2]| Tensor::<2>::random(shape, normal, &device).cast(dtype);
            let (input, from_above) = (random([512, 40]), random([512, 33]));
            let cubes = |tensor: &Tensor<2>| cube_tensor(tensor.clone());
            let found = in_parts(cubes(&input), cubes(&from_above), 4);
            assert_eq!((found.dtype, found.shape()), (dtype, Shape::new([40, 33])));
            let found = burn_tensor::<2>(found, &device).cast(DType::F32);
            let whole = [input.transpose(), from_above].map(|factor| factor.cast(DType::F32));
            let [input, from_above] = whole;
            let read = |tensor: Tensor<2>| tensor.try_into_vec_as::<f32>().unwrap();
            let (found, expected) = (read(found), read(input.matmul(from_above)));
            assert_close("gradient", &found, &expected, tolerance, 0.0);
        }
    }
}
