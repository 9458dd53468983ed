//! With gradients as one operation, and what is summed over all rows summed by all of the card.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::FloatTensorOps;
use burn::backend::{
    Autodiff, Backend, Dispatch, TensorMetadata, backend_extension, tensor::FloatTensor,
};
use burn::tensor::{Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::weight_gradient::weight_gradient;
use crate::cube::rows::sum_of_rows;
use crate::product::cube::{ProductOps, transposed};

/// As [`super::linear`], all of one type.
pub fn linear<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => <Dispatch as CardOps>::affine(input, weight, bias.into_dispatch()),
        None => <Dispatch as CardOps>::linear(input, weight),
    })
}

/// The maps of graphics cards.
#[backend_extension(Cube, Autodiff)]
pub trait CardOps: Backend {
    /// `input weight` over the last axis.
    fn linear(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `input weight + bias` over the last axis.
    fn affine(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl CardOps for CubeBackend {
    fn linear(input: CubeTensor, weight: CubeTensor) -> CubeTensor {
        forward(input, weight, None)
    }

    fn affine(input: CubeTensor, weight: CubeTensor, bias: CubeTensor) -> CubeTensor {
        forward(input, weight, Some(bias))
    }
}

fn forward(input: CubeTensor, weight: CubeTensor, bias: Option<CubeTensor>) -> CubeTensor {
    let (mut shape, num_outputs) = (input.shape(), weight.shape()[1]);
    let last = shape.num_dims() - 1;
    shape[last] = num_outputs;
    let mut output = CubeBackend::product(matrix(input), weight);
    if let Some(bias) = bias {
        let row = CubeBackend::float_reshape(bias, Shape::new([1, num_outputs]));
        output = CubeBackend::float_add(output, row);
    }
    CubeBackend::float_reshape(output, shape)
}

/// The last axis beside all others.
fn matrix(tensor: CubeTensor) -> CubeTensor {
    let (shape, num_elements) = (tensor.shape(), tensor.shape().num_elements());
    let width = shape[shape.num_dims() - 1];
    CubeBackend::float_reshape(tensor, Shape::new([num_elements / width.max(1), width]))
}

impl<C: CheckpointStrategy> CardOps for Autodiff<CubeBackend, C> {
    fn linear(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [input.node(), weight.node()];
        let factors = Factors {
            input: input.into_primitive(),
            weight: weight.into_primitive(),
        };
        let output = forward(factors.input.clone(), factors.weight.clone(), None);
        match LinearBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish(factors, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn affine(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), weight.node(), bias.node()];
        let factors = Factors {
            input: input.into_primitive(),
            weight: weight.into_primitive(),
        };
        let bias = bias.into_primitive();
        let output = forward(factors.input.clone(), factors.weight.clone(), Some(bias));
        match LinearBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish(factors, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

/// What the gradients of each other follow from.
#[derive(Debug, Clone)]
struct Factors {
    input: CubeTensor,
    weight: CubeTensor,
}

impl Factors {
    /// The gradients of those that are asked for, from what is above as a matrix.
    fn gradients(
        self,
        from_above: &CubeTensor,
        [wants_input, wants_weight]: [bool; 2],
    ) -> [Option<CubeTensor>; 2] {
        let shape = self.input.shape();
        let of_input = wants_input.then(|| {
            let found = CubeBackend::product(from_above.clone(), transposed(self.weight));
            CubeBackend::float_reshape(found, shape)
        });
        let of_weight =
            wants_weight.then(|| weight_gradient(matrix(self.input), from_above.clone()));
        [of_input, of_weight]
    }
}

#[derive(Debug)]
struct LinearBackward;

impl Backward<CubeBackend, 2> for LinearBackward {
    type State = Factors;

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = matrix(gradients.consume::<CubeBackend>(&ops.node));
        let are_wanted = ops.parents.each_ref().map(Option::is_some);
        let found = ops.state.gradients(&from_above, are_wanted);
        for (node, found) in ops
            .parents
            .into_iter()
            .flatten()
            .zip(found.into_iter().flatten())
        {
            gradients.register::<CubeBackend>(node.id, found);
        }
    }
}

impl Backward<CubeBackend, 3> for LinearBackward {
    type State = Factors;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = matrix(gradients.consume::<CubeBackend>(&ops.node));
        let [wants_input, wants_weight, wants_bias] = ops.parents.each_ref().map(Option::is_some);
        let [of_input, of_weight] = (ops.state).gradients(&from_above, [wants_input, wants_weight]);
        let of_bias = wants_bias.then(|| {
            let dtype = from_above.dtype;
            sum_of_rows(into_contiguous(from_above), dtype)
        });
        let found = [of_input, of_weight, of_bias].into_iter().flatten();
        for (node, found) in ops.parents.into_iter().flatten().zip(found) {
            gradients.register::<CubeBackend>(node.id, found);
        }
    }
}
