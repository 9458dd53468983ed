//! Copies in another type.

#[cfg(feature = "cube")]
mod cube;

use burn::tensor::{DType, Tensor};

use crate::processor::is_processor;

/// Copies of several tensors of a device in another type, without history. Graphics cards make many of them in a launch.
#[derive(Debug)]
#[must_use = "graphics cards copy when it is finished"]
pub struct Casts {
    dtype: DType,
    #[cfg(feature = "cube")]
    pending: Vec<cube::Pending>,
}

impl Casts {
    /// None yet, to a type of floats.
    pub fn new(dtype: DType) -> Self {
        Self {
            dtype,
            #[cfg(feature = "cube")]
            pending: Vec::new(),
        }
    }

    /// The copy of a tensor, whose values are not there until all copies are finished; the tensor itself where it is of the
    /// type. It may not be on a device with gradients.
    pub fn add<const D: usize>(&mut self, tensor: Tensor<D>) -> Tensor<D> {
        if tensor.dtype() == self.dtype || is_processor(&tensor.device()) {
            return tensor.cast(self.dtype);
        }
        #[cfg(feature = "cube")]
        return cube::add(tensor, self.dtype, &mut self.pending);
        #[cfg(not(feature = "cube"))]
        tensor.cast(self.dtype)
    }

    /// Makes those that are still to be made.
    pub fn finish(self) {
        #[cfg(feature = "cube")]
        cube::cast(self.pending);
    }
}
