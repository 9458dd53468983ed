//! What the joint norm of all gradients adds up.

mod cpu;
#[cfg(feature = "cube")]
pub(crate) mod cube;
pub mod reference;

use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Tensor};

use crate::host::Host;
use crate::processor::is_processor;

/// The sum of the squares of all elements of several tensors of one device, in f32. Graphics cards have a launch
/// for many tensors and one for all.
#[derive(Debug, Default)]
pub struct SumOfSquares {
    /// What is still to be summed.
    #[cfg(feature = "cube")]
    kept: Option<cube::Kept>,
    /// Of those that are.
    sum: Option<Tensor<1>>,
}

impl SumOfSquares {
    /// Adds those of a tensor. Without history: it may not be tracked.
    pub fn add<const D: usize>(&mut self, tensor: Tensor<D>) {
        let is_processor = is_processor(&tensor.device());
        #[cfg(feature = "cube")]
        if !is_processor {
            let none = || cube::Kept::new(tensor.device());
            self.kept.get_or_insert_with(none).add(tensor);
            return;
        }
        let sum = match is_processor && tensor.dtype() == DType::F32 {
            true => Tensor::from_dispatch(<Dispatch as SumOfSquaresOps>::sum_of_squares(
                tensor.into_dispatch(),
            )),
            false => reference::sum_of_squares(tensor),
        };
        self.sum = Some(match self.sum.take() {
            Some(before) => before + sum,
            None => sum,
        });
    }

    /// The sum, `[1]`, on the device; `None` of no tensors.
    pub fn finish(self) -> Option<Tensor<1>> {
        #[cfg(feature = "cube")]
        if let Some(kept) = self.kept {
            return Some(kept.finish());
        }
        self.sum
    }
}

/// Backends with a form of their own for each tensor.
#[backend_extension(Flex: cfg(feature = "flex"), NdArray: cfg(feature = "ndarray"))]
pub trait SumOfSquaresOps: Backend {
    /// The sum of the squares of all elements, `[1]`.
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
