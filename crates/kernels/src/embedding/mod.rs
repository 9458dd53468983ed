//! Rows of a table by their ids.

#[cfg(feature = "cube")]
mod cube;
#[cfg(feature = "cube")]
mod order;
#[cfg(feature = "cube")]
mod sums;

use burn::tensor::module::embedding as look_up;
use burn::tensor::{Int, Tensor};

#[cfg(feature = "cube")]
use crate::processor::is_processor;

/// The rows of a table `[rows, width]` that ids `[batch, length]` name: `[batch, length, width]`.
///
/// The lookup is Burn's own; on graphics cards its gradient is not: there that of a row is summed in f32, whatever the type
/// of the table, in an order that follows from the ids alone, and an id outside of the table counts as the nearest one in
/// it.
pub fn embedding(table: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    #[cfg(feature = "cube")]
    if !is_processor(&table.device()) {
        return cube::embedding(table, ids);
    }
    look_up(table, ids)
}
