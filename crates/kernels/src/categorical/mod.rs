//! Draws from the softmax of logits.

mod cpu;
#[cfg(feature = "cube")]
mod cube;
pub mod reference;

use burn::tensor::{DType, Int, Tensor};

use crate::processor::is_processor;

/// An index per row from the softmax of `logits` `[rows, classes]`, in f32 and without a gradient. Which it is follows from
/// the seed of the device.
///
/// A class whose logit is minus infinity is never drawn; where all of a row are, the first is.
pub fn categorical(logits: Tensor<2>) -> Tensor<1, Int> {
    let logits = logits.detach();
    let is_processor = is_processor(&logits.device());
    #[cfg(feature = "cube")]
    if !is_processor {
        return cube::categorical(logits);
    }
    let logits = logits.cast(DType::F32);
    match is_processor {
        true => cpu::categorical(logits),
        false => reference::categorical(logits),
    }
}
