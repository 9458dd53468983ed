//! A unit for a few elements, which draws which of them are kept; the backward pass draws the same again.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::{
    Autodiff, Backend, Dispatch, TensorMetadata, backend_extension, tensor::FloatTensor,
};
use burn::tensor::Tensor;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use crate::cube::{
    VectorLaunch, address_type, assert_f32, bits_of, draw_seed, dropout_factor, empty_beside,
    hashed,
};
use crate::random::Dropping;

/// As [`super::dropout`].
pub fn dropout<const D: usize>(input: Tensor<D>, prob: f64) -> Tensor<D> {
    let seed = draw_seed(&input.device());
    Tensor::from_dispatch(<Dispatch as DropoutOps>::dropout(
        input.into_dispatch(),
        seed.into_dispatch(),
        Dropping::new(prob),
    ))
}

/// As [`super::dropout_onto`], of one type.
pub fn dropout_onto<const D: usize>(residual: Tensor<D>, input: Tensor<D>, prob: f64) -> Tensor<D> {
    let seed = draw_seed(&input.device());
    Tensor::from_dispatch(<Dispatch as DropoutOps>::dropout_onto(
        residual.into_dispatch(),
        input.into_dispatch(),
        seed.into_dispatch(),
        Dropping::new(prob),
    ))
}

/// Dropout of graphics cards.
#[backend_extension(Cube, Autodiff)]
pub trait DropoutOps: Backend {
    /// The input with elements dropped; which follows from the seed, `[2]`, uniform in `[0, 1)` and in f32.
    fn dropout(
        input: FloatTensor<Self>,
        seed: FloatTensor<Self>,
        dropping: Dropping,
    ) -> FloatTensor<Self>;

    /// The same onto a residual of the input's shape and type.
    fn dropout_onto(
        residual: FloatTensor<Self>,
        input: FloatTensor<Self>,
        seed: FloatTensor<Self>,
        dropping: Dropping,
    ) -> FloatTensor<Self>;
}

impl DropoutOps for CubeBackend {
    fn dropout(input: CubeTensor, seed: CubeTensor, dropping: Dropping) -> CubeTensor {
        launch(None, input, seed, dropping)
    }

    fn dropout_onto(
        residual: CubeTensor,
        input: CubeTensor,
        seed: CubeTensor,
        dropping: Dropping,
    ) -> CubeTensor {
        launch(Some(residual), input, seed, dropping)
    }
}

fn launch(
    residual: Option<CubeTensor>,
    input: CubeTensor,
    seed: CubeTensor,
    dropping: Dropping,
) -> CubeTensor {
    assert_f32("seed", &seed);
    let input = into_contiguous(input);
    let residual = residual.map(into_contiguous);
    let output = empty_beside(&input, input.shape(), input.dtype);
    let client = input.client.clone();
    let launch = VectorLaunch::new(&input);
    let dtype = dtype_to_storage_type(input.dtype);
    dropout_kernel::launch(
        &client,
        launch.elements.count,
        launch.elements.dim,
        address_type([&input]),
        launch.width,
        residual.map(CubeTensor::into_buffer_arg).into(),
        input.into_buffer_arg(),
        seed.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        dropping.num_dropped,
        dropping.scale,
        dtype,
    );
    output
}

impl<C: CheckpointStrategy> DropoutOps for Autodiff<CubeBackend, C> {
    fn dropout(
        input: FloatTensor<Self>,
        seed: FloatTensor<Self>,
        dropping: Dropping,
    ) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let seed = seed.into_primitive();
        let output = CubeBackend::dropout(input.into_primitive(), seed.clone(), dropping);
        match DropoutBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish((seed, dropping), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn dropout_onto(
        residual: FloatTensor<Self>,
        input: FloatTensor<Self>,
        seed: FloatTensor<Self>,
        dropping: Dropping,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), residual.node()];
        let seed = seed.into_primitive();
        let (residual, input) = (residual.into_primitive(), input.into_primitive());
        let output = CubeBackend::dropout_onto(residual, input, seed.clone(), dropping);
        match DropoutBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish((seed, dropping), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

#[derive(Debug)]
struct DropoutBackward;

impl Backward<CubeBackend, 1> for DropoutBackward {
    type State = (FloatTensor<CubeBackend>, Dropping);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = gradients.consume::<CubeBackend>(&ops.node);
        let (seed, dropping) = ops.state;
        if let [Some(node)] = ops.parents {
            let found = CubeBackend::dropout(from_above, seed, dropping);
            gradients.register::<CubeBackend>(node.id, found);
        }
    }
}

impl Backward<CubeBackend, 2> for DropoutBackward {
    type State = (FloatTensor<CubeBackend>, Dropping);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = gradients.consume::<CubeBackend>(&ops.node);
        let (seed, dropping) = ops.state;
        let [of_input, of_residual] = ops.parents;
        if let Some(node) = of_input {
            let found = CubeBackend::dropout(from_above.clone(), seed, dropping);
            gradients.register::<CubeBackend>(node.id, found);
        }
        if let Some(node) = of_residual {
            gradients.register::<CubeBackend>(node.id, from_above);
        }
    }
}

#[cube(launch, address_type = "dynamic")]
fn dropout_kernel<F: Float, N: Size>(
    residual: ComptimeOption<&[Vector<F, N>]>,
    input: &[Vector<F, N>],
    seed: &[f32],
    output: &mut [Vector<F, N>],
    num_dropped: u32,
    scale: f32,
    #[define(F)] _dtype: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= input.len() {
        terminate!();
    }
    let (first, second) = (bits_of(seed[0]), bits_of(seed[1]));
    let elements = input[place];
    let below: ComptimeOption<Vector<F, N>> = residual.as_ref().map(|residual| residual[place]);
    let below = below.unwrap_or(Vector::<F, N>::zeroed());
    let mut kept = Vector::<F, N>::empty();
    #[unroll]
    for lane in 0..elements.vector_size() {
        let element = u32::cast_from(place * elements.vector_size() + lane);
        let factor = dropout_factor(hashed(element, first, second), num_dropped, scale);
        let below = f32::cast_from(below.extract(lane));
        let above = f32::cast_from(elements.extract(lane)) * factor;
        kept.insert(lane, F::cast_from(below + above));
    }
    output[place] = kept;
}
