//! Attention of graphics cards in tiles: neither scores nor weights are ever in the memory of the card, in the forward pass
//! or the backward one (Dao 2023, "FlashAttention-2"). A bias by distance is read, and its gradient summed, in the tile.

mod backward_keys;
mod backward_queries;
mod forward;
mod launch;
mod plan;
mod product;
mod scores;
mod tile;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::{
    Autodiff, Backend, Dispatch, DispatchTensorKind, backend_extension, tensor::FloatTensor,
};
use burn::tensor::{DType, Tensor};
use burn_cubecl::CubeBackend;

use super::{AttentionSettings, AttentionTensors, is_by_distance, or_zero};
use crate::cube::draw_seed;
use crate::random::Dropping;
use launch::Inputs;
use plan::Plan;

/// What the kernels are built by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Form {
    plan: Plan,
    is_by_distance: bool,
    drops: bool,
}

/// What the kernels are given beside tensors.
#[derive(Debug, Clone, Copy)]
pub struct TileSettings {
    form: Form,
    scale: f32,
    dropping: Dropping,
}

/// The tiles of these tensors; `None` where a tile has no room for a head, where the gradient of a bias has a place for each
/// query and key, and for a single query, which would leave tiles empty.
pub fn plan(tensors: &AttentionTensors) -> Option<Plan> {
    let ([_, _, target, _], [_, _, source, _]) = (tensors.query.dims(), tensors.key.dims());
    let has_form = |bias: &Tensor<4>| is_by_distance(bias, target, source) || !bias.is_tracked();
    match target > 1 && tensors.bias.as_ref().is_none_or(has_form) {
        true => plan_for(&tensors.query),
        false => None,
    }
}

/// As [`super::attention`], with the [`plan`] of the tensors.
pub fn attention(tensors: AttentionTensors, settings: AttentionSettings, plan: Plan) -> Tensor<4> {
    let ([_, _, target, _], [_, _, source, _]) = (tensors.query.dims(), tensors.key.dims());
    let by_distance = |bias: &Tensor<4>| is_by_distance(bias, target, source);
    let device = tensors.query.device();
    let drops = settings.dropout > 0.0;
    let seed = match drops {
        true => draw_seed(&device),
        false => Tensor::zeros([2], (&device, DType::F32)),
    };
    let settings = TileSettings {
        form: Form {
            plan,
            is_by_distance: tensors.bias.as_ref().is_some_and(by_distance),
            drops,
        },
        scale: settings.scale as f32,
        dropping: Dropping::new(settings.dropout),
    };
    Tensor::from_dispatch(<Dispatch as TilesOps>::attention(
        tensors.query.into_dispatch(),
        tensors.key.into_dispatch(),
        tensors.value.into_dispatch(),
        or_zero(tensors.bias, &device).into_dispatch(),
        or_zero(tensors.mask, &device).into_dispatch(),
        seed.into_dispatch(),
        settings,
    ))
}

/// What fits the device of the queries, their width and their type.
fn plan_for(query: &Tensor<4>) -> Option<Plan> {
    let [_, _, _, head_dim] = query.dims();
    let query = match query.device().is_autodiff() {
        true => query.clone().inner(),
        false => query.clone(),
    };
    match query.into_dispatch().kind {
        DispatchTensorKind::Cube(query) => {
            let query = query.float();
            let elem = dtype_to_elem_type(query.dtype);
            Plan::new(query.client.properties(), head_dim, elem)
        }
        _ => None,
    }
}

/// Attention of graphics cards.
#[backend_extension(Cube, Autodiff)]
pub trait TilesOps: Backend {
    /// As [`super::attention`]; each axis of bias and mask is broadcast. What is dropped follows from the seed, `[2]`,
    /// uniform in `[0, 1)`.
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        seed: FloatTensor<Self>,
        settings: TileSettings,
    ) -> FloatTensor<Self>;
}

impl TilesOps for CubeBackend {
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        seed: FloatTensor<Self>,
        settings: TileSettings,
    ) -> FloatTensor<Self> {
        let inputs = Inputs {
            query,
            key,
            value,
            bias,
            mask,
            seed,
            settings,
        };
        launch::forward(&inputs).context
    }
}

impl<C: CheckpointStrategy> TilesOps for Autodiff<CubeBackend, C> {
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        seed: FloatTensor<Self>,
        settings: TileSettings,
    ) -> FloatTensor<Self> {
        let nodes = [query.node(), key.node(), value.node(), bias.node()];
        let inputs = Inputs {
            query: query.into_primitive(),
            key: key.into_primitive(),
            value: value.into_primitive(),
            bias: bias.into_primitive(),
            mask: mask.into_primitive(),
            seed: seed.into_primitive(),
            settings,
        };
        let attended = launch::forward(&inputs);
        let context = attended.context.clone();
        match TilesBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((inputs, attended), context),
            OpsKind::UnTracked(prepared) => prepared.finish(context),
        }
    }
}

#[derive(Debug)]
struct TilesBackward;

impl Backward<CubeBackend, 4> for TilesBackward {
    type State = (Inputs, launch::Attended);

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let from_above = gradients.consume::<CubeBackend>(&ops.node);
        let (inputs, attended) = ops.state;
        let nodes = ops.parents.map(|node| node.map(|node| node.id));
        let has_bias = nodes[3].is_some();
        launch::backward(&inputs, &attended, from_above, has_bias).register(nodes, gradients);
    }
}
