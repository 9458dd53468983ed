//! The position-wise feed-forward layer without gradients: both products and what is between them, block by block of rows.

mod cpu;
pub mod reference;

use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Tensor};

use crate::activation::{Function, activation};
use crate::host::Host;
use crate::linear::{MOST_FEW_ROWS, linear};
use crate::processor::is_processor;

/// Weights of one map at most: each block of rows reads them again, which pays while a core keeps them near.
const MOST_WEIGHTS: usize = 1 << 18;

/// An affine map.
#[derive(Debug, Clone)]
pub struct Projection {
    /// `[inputs, outputs]`.
    pub weight: Tensor<2>,
    /// `[outputs]`.
    pub bias: Option<Tensor<1>>,
}

/// Both maps, `[width, inner]` and `[inner, width]`.
#[derive(Debug, Clone)]
pub struct Projections {
    /// Before the function.
    pub inward: Projection,
    /// After it.
    pub outward: Projection,
}

/// `function(input inward) outward` over the last axis, the same shape. On a processor, and without gradients, small
/// layers make no tensor of the inner width.
///
/// # Panics
/// The widths differ.
pub fn feed_forward<const D: usize>(
    input: Tensor<D>,
    projections: Projections,
    function: Function,
) -> Tensor<D> {
    let shape = input.dims();
    let width = shape[D - 1];
    let num_rows: usize = shape[..D - 1].iter().product();
    let Projections { inward, outward } = &projections;
    let [inputs, inner] = inward.weight.dims();
    let is_fused = is_processor(&input.device())
        && !input.device().is_autodiff()
        && num_rows > MOST_FEW_ROWS
        && inputs * inner <= MOST_WEIGHTS
        && [input.dtype(), inward.weight.dtype(), outward.weight.dtype()] == [DType::F32; 3];
    if !is_fused {
        return one_by_one(input, projections, function);
    }
    assert_eq!(
        ([inputs, inner], outward.weight.dims()),
        ([width, inner], [inner, width]),
        "the width of the input is not that of the weights"
    );
    own(input.reshape([-1, width as i32]), projections, function).reshape(shape)
}

fn one_by_one<const D: usize>(
    input: Tensor<D>,
    Projections { inward, outward }: Projections,
    function: Function,
) -> Tensor<D> {
    let inner = linear(input, inward.weight, inward.bias);
    linear(activation(inner, function), outward.weight, outward.bias)
}

fn own(input: Tensor<2>, projections: Projections, function: Function) -> Tensor<2> {
    let device = input.device();
    let or_zero = |Projection { weight, bias }| {
        let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[1]], &device));
        (weight, bias)
    };
    let (inward, inward_bias) = or_zero(projections.inward);
    let (outward, outward_bias) = or_zero(projections.outward);
    Tensor::from_dispatch(<Dispatch as FeedForwardOps>::feed_forward(
        input.into_dispatch(),
        inward.into_dispatch(),
        inward_bias.into_dispatch(),
        outward.into_dispatch(),
        outward_bias.into_dispatch(),
        function,
    ))
}

/// Backends with a form of their own.
#[backend_extension(Flex: cfg(feature = "flex"), NdArray: cfg(feature = "ndarray"))]
pub trait FeedForwardOps: Backend {
    /// As [`feed_forward`], of a matrix.
    fn feed_forward(
        input: FloatTensor<Self>,
        inward: FloatTensor<Self>,
        inward_bias: FloatTensor<Self>,
        outward: FloatTensor<Self>,
        outward_bias: FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self>;
}

impl<B: Host> FeedForwardOps for B {
    fn feed_forward(
        input: FloatTensor<Self>,
        inward: FloatTensor<Self>,
        inward_bias: FloatTensor<Self>,
        outward: FloatTensor<Self>,
        outward_bias: FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self> {
        let [input, inward, outward] = [input, inward, outward].map(B::visible_matrix);
        let [inward_bias, outward_bias] = [inward_bias, outward_bias].map(B::dense);
        let maps = [(&inward, &inward_bias), (&outward, &outward_bias)];
        let maps = maps.map(|(weight, bias)| cpu::Map {
            weight: B::view(weight).whole(),
            bias: &B::view(bias).elements[..B::view(bias).shape[0]],
        });
        let input = B::view(&input).whole();
        let shape = [input.nrows(), input.ncols()];
        B::tensor(cpu::feed_forward(input, maps, function), &shape)
    }
}
