//! The same in plain tensor operations.

use burn::tensor::Tensor;

use super::{Projection, Projections};
use crate::activation::{self, Function};
use crate::linear;

/// As [`super::feed_forward`].
pub fn feed_forward<const D: usize>(
    input: Tensor<D>,
    projections: Projections,
    function: Function,
) -> Tensor<D> {
    let project =
        |input, Projection { weight, bias }| linear::reference::linear(input, weight, bias);
    let inner = project(input, projections.inward);
    project(
        activation::reference::activation(inner, function),
        projections.outward,
    )
}
