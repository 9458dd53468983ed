//! The same in plain tensor operations.

use burn::tensor::{DType, Tensor};

/// Of one tensor, `[1]`.
pub fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    tensor.cast(DType::F32).square().sum()
}
