//! The same in plain tensor operations.

use burn::tensor::{Tensor, module};

/// As [`super::linear`].
pub fn linear<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    module::linear(input, weight, bias)
}
