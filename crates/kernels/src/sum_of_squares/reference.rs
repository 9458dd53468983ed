//! The same in plain tensor operations.

use burn::tensor::{DType, Tensor};

/// As [`super::sum_of_squares`].
pub fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    tensor.cast(DType::F32).square().sum()
}
