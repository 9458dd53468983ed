//! What the joint norm of all gradients adds up.

mod cpu;
pub mod reference;

use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Tensor};

use crate::host::Host;
use crate::processor::is_processor;

/// The sum of the squares of all elements, `[1]`, in f32 on the device. Without history: the tensor may not be tracked.
pub fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    match tensor.dtype() == DType::F32 && is_processor(&tensor.device()) {
        true => {
            let sum = <Dispatch as SumOfSquaresOps>::sum_of_squares(tensor.into_dispatch());
            Tensor::from_dispatch(sum)
        }
        false => reference::sum_of_squares(tensor),
    }
}

/// Backends with a form of their own.
#[backend_extension(Flex: cfg(feature = "flex"), NdArray: cfg(feature = "ndarray"))]
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::Distribution;
    use lamplight_testing::{assert_close, test_device};

    use super::*;

    fn read(tensor: Tensor<1>) -> Vec<f32> {
        tensor.try_into_vec_as().unwrap()
    }

    #[test]
    fn the_sum_is_that_of_the_reference() {
        let device = test_device();
        // Fewer elements than a chunk, several chunks and a rest, and none.
        for shape in [[1, 1], [3, 7], [300, 257], [0, 5]] {
            let tensor = Tensor::<2>::random(shape, Distribution::Default, &device);
            let sum = read(sum_of_squares(tensor.clone()));
            let reference = read(reference::sum_of_squares(tensor));
            assert_close("sum", &sum, &reference, 1e-5, 0.0);
        }
    }

    #[test]
    fn only_the_elements_of_the_tensor_count() {
        let device = test_device();
        let whole = Tensor::<2>::from_data([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &device);
        let part = whole.narrow(1, 1, 2).transpose(); // [[2, 5], [3, 6]]
        assert_eq!(read(sum_of_squares(part)), [74.0]);
    }
}
