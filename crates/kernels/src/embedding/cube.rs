//! The gradient from tokens in the order of their ids, of which each row's lie side by side.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::{FloatTensorOps, ModuleOps};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Int, Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::order::ordered;
use super::sums::add_up;

/// As [`super::embedding`].
pub fn embedding(table: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    let (table, ids) = (table.into_dispatch(), ids.into_dispatch());
    Tensor::from_dispatch(<Dispatch as EmbeddingOps>::look_up(table, ids))
}

/// Lookups of graphics cards.
#[backend_extension(Cube, Autodiff)]
pub trait EmbeddingOps: Backend {
    /// As [`super::embedding`].
    fn look_up(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self>;
}

impl EmbeddingOps for CubeBackend {
    fn look_up(table: CubeTensor, ids: CubeTensor) -> CubeTensor {
        CubeBackend::embedding(table, ids)
    }
}

impl<C: CheckpointStrategy> EmbeddingOps for Autodiff<CubeBackend, C> {
    fn look_up(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        let node = table.node();
        let table = table.into_primitive();
        let rows = table.shape()[0];
        let output = CubeBackend::look_up(table, ids.clone());
        match EmbeddingBackward
            .prepare::<C>([node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish((ids, rows), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct EmbeddingBackward;

impl Backward<CubeBackend, 1> for EmbeddingBackward {
    /// The ids, and the number of rows of the table.
    type State = (CubeTensor, usize);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = gradients.consume::<CubeBackend>(&ops.node);
        let (ids, rows) = ops.state;
        if let [Some(node)] = ops.parents {
            gradients.register::<CubeBackend>(node.id, gradient(from_above, ids, rows));
        }
    }
}

/// The gradient of the table, `[rows, width]`, from that of the output, in the type of which it is.
fn gradient(from_above: CubeTensor, ids: CubeTensor, rows: usize) -> CubeTensor {
    let [from_above, ids] = [from_above, ids].map(into_contiguous);
    let width = from_above.shape()[2];
    let (device, dtype) = (from_above.device.clone(), from_above.dtype);
    let zeros = CubeBackend::float_zeros(Shape::new([rows, width]), &device, dtype.into());
    match from_above.shape().num_elements() {
        0 => zeros,
        _ => add_up(from_above, ordered(ids, rows), zeros),
    }
}
