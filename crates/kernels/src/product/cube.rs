//! On units where tensor cores would round.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{
    Autodiff, Backend, Dispatch, TensorMetadata, backend_extension, tensor::FloatTensor,
};
use burn::tensor::{DType, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::matmul::init_matmul_output;
use burn_cubecl::tensor::CubeTensor;
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level::Strategy as MultiLevel;
use cubek::matmul::multi_level::routines::TileSizeSelection;
use cubek::matmul::multi_level::routines::batch::double_unit::DoubleUnitSelectionArgs;
use cubek::matmul::multi_level::routines::batch::simple_unit::SimpleUnitSelectionArgs;
use cubek::matmul::routine::BlueprintStrategy;
use cubek::matmul::strategy::Strategy;
use cubek::std::InputBinding;

/// As [`super::product`].
pub fn product<const D: usize>(left: Tensor<D>, right: Tensor<D>) -> Tensor<D> {
    let (left, right) = (left.into_dispatch(), right.into_dispatch());
    Tensor::from_dispatch(<Dispatch as ProductOps>::product(left, right))
}

/// Products of graphics cards.
#[backend_extension(Cube, Autodiff)]
pub trait ProductOps: Backend {
    /// As [`super::product`].
    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl ProductOps for CubeBackend {
    fn product(left: CubeTensor, right: CubeTensor) -> CubeTensor {
        let rounds = left
            .client
            .properties()
            .supports_type(tf32::elem_type_native());
        match left.dtype == DType::F32 && rounds {
            true => by_units(left, right),
            false => CubeBackend::float_matmul(left, right),
        }
    }
}

/// In f32, by the fastest of the ways that need no tensor cores and take the shapes.
fn by_units(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    let output = init_matmul_output(&left, &right, DType::F32);
    let tile_size = TileSizeSelection::MaxTileSize;
    let ways = [
        MultiLevel::DoubleUnit(BlueprintStrategy::Inferred(DoubleUnitSelectionArgs {
            tile_size,
        })),
        MultiLevel::SimpleUnit(BlueprintStrategy::Inferred(SimpleUnitSelectionArgs {
            tile_size,
        })),
        MultiLevel::Naive,
    ];
    let elem = dtype_to_storage_type(DType::F32);
    let is_done = ways.into_iter().any(|way| {
        let mut elems = MatmulElems::from_globals(&MatmulGlobalElems {
            lhs: elem,
            rhs: elem,
            out: elem,
        });
        let [left, right] =
            [&left, &right].map(|factor| InputBinding::new(factor.clone().binding(), elem));
        let output_binding = output.clone().binding();
        let way = Strategy::MultiLevel(way);
        launch_ref(
            &way,
            &output.client,
            left,
            right,
            output_binding,
            &mut elems,
        )
        .is_ok()
    });
    assert!(is_done, "the naive product takes all shapes");
    output
}

impl<C: CheckpointStrategy> ProductOps for Autodiff<CubeBackend, C> {
    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [left.node(), right.node()];
        let (left, right) = (left.into_primitive(), right.into_primitive());
        let output = CubeBackend::product(left.clone(), right.clone());
        match ProductBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish((left, right), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct ProductBackward;

impl Backward<CubeBackend, 2> for ProductBackward {
    /// The factors.
    type State = (CubeTensor, CubeTensor);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = gradients.consume::<CubeBackend>(&ops.node);
        let (left, right) = ops.state;
        let [of_left, of_right] = ops.parents;
        if let Some(node) = of_left {
            let found = CubeBackend::product(from_above.clone(), transposed(right));
            gradients.register::<CubeBackend>(node.id, found);
        }
        if let Some(node) = of_right {
            let found = CubeBackend::product(transposed(left), from_above);
            gradients.register::<CubeBackend>(node.id, found);
        }
    }
}

/// With its last two axes swapped.
pub fn transposed(tensor: CubeTensor) -> CubeTensor {
    let rank = tensor.shape().num_dims();
    CubeBackend::float_swap_dims(tensor, rank - 2, rank - 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::Distribution;
    use lamplight_testing::{assert_close, test_device};

    use super::*;
    use crate::cube::tensors::{burn_tensor, cube_tensor};

    /// What only devices take that would round.
    #[test]
    fn units_multiply_as_burn_does() {
        let device = test_device();
        if crate::processor::is_processor(&device) {
            return;
        }
        let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Default, &device);
        let factors = [
            (random([1, 1, 64, 100]), random([1, 1, 33, 100]).transpose()),
            (random([2, 3, 20, 17]).transpose(), random([2, 3, 20, 9])),
        ];
        for (left, right) in factors {
            let theirs = left.clone().matmul(right.clone());
            let ours = by_units(cube_tensor(left), cube_tensor(right));
            let ours = burn_tensor::<4>(ours, &device);
            let ours: Vec<f32> = ours.try_into_vec_as().unwrap();
            let theirs: Vec<f32> = theirs.try_into_vec_as().unwrap();
            assert_close("product", &ours, &theirs, 1e-5, 0.0);
        }
    }
}
