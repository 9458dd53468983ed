//! What the joint norm of all gradients adds up.

mod cpu;
#[cfg(feature = "cube")]
mod cube;
pub mod reference;

use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Tensor};

use crate::host::Host;
use crate::processor::is_processor;

/// The sum of the squares of all elements, `[1]`, in f32 on the device. Without history: the tensor may not be tracked.
pub fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let has_form = match is_processor(&tensor.device()) {
        true => tensor.dtype() == DType::F32,
        false => cfg!(feature = "cube"),
    };
    if !has_form {
        return reference::sum_of_squares(tensor);
    }
    let sum = <Dispatch as SumOfSquaresOps>::sum_of_squares(tensor.into_dispatch());
    Tensor::from_dispatch(sum)
}

/// Backends with a form of their own.
#[backend_extension(
    Cube: cfg(feature = "cube"),
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
)]
pub trait SumOfSquaresOps: Backend {
    /// As [`sum_of_squares`].
    fn sum_of_squares(tensor: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl<B: Host> SumOfSquaresOps for B {
    fn sum_of_squares(tensor: FloatTensor<Self>) -> FloatTensor<Self> {
        let tensor = B::dense(tensor);
        let view = B::view(&tensor);
        let num_elements = view.shape.iter().product();
        B::tensor(
            vec![cpu::sum_of_squares(&view.elements[..num_elements])],
            &[1],
        )
    }
}
