//! The same in plain tensor operations.

use burn::tensor::Tensor;

use crate::product::product;

/// As [`super::linear`].
pub fn linear<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    let mut shape = input.dims();
    let [num_inputs, num_outputs] = weight.dims();
    shape[D - 1] = num_outputs;
    let output = product(input.reshape([-1, num_inputs as i32]), weight).reshape(shape);
    match bias {
        Some(bias) => output + bias.unsqueeze(),
        None => output,
    }
}
