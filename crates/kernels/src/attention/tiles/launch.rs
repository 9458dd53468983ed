//! The launches of the kernels.

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::cubecl::server::CubeCountSelection;
use burn_cubecl::tensor::CubeTensor;

use super::TileSettings;
use super::backward_keys::keys_kernel;
use super::backward_queries::{bias_kernel, queries_kernel};
use super::forward::forward_kernel;
use super::scores::DroppingLaunch;
use crate::attention::InputGradients;
use crate::cube::{ElementLaunch, address_type, assert_f32, empty_beside};

/// What attention reads.
#[derive(Debug, Clone)]
pub struct Inputs {
    pub query: CubeTensor,
    pub key: CubeTensor,
    pub value: CubeTensor,
    pub bias: CubeTensor,
    pub mask: CubeTensor,
    pub seed: CubeTensor,
    pub settings: TileSettings,
}

/// What the forward pass gives.
#[derive(Debug, Clone)]
pub struct Attended {
    /// `[batch, target, heads, head_dim]`.
    pub context: CubeTensor,
    /// `[batch, heads, target, 2]`.
    normalizers: CubeTensor,
}

impl Inputs {
    /// Bias and mask over all batches and heads; what is broadcast is not copied, its strides are 0.
    fn spread(&self) -> (CubeTensor, CubeTensor) {
        assert_f32("bias", &self.bias);
        assert_f32("mask", &self.mask);
        let [batch, heads, target, _] = self.query.shape().dims();
        let source = self.key.shape()[2];
        let of_bias = match self.settings.form.is_by_distance {
            true => Shape::new([batch, heads, 1, target + source - 1]),
            false => Shape::new([batch, heads, target, source]),
        };
        let of_mask = Shape::new([batch, heads, target, source]);
        (
            CubeBackend::float_expand(self.bias.clone(), of_bias),
            CubeBackend::float_expand(self.mask.clone(), of_mask),
        )
    }

    /// A cube for each tile of a length in each head.
    fn cubes(&self, length: usize) -> (CubeCount, CubeDim) {
        let plan = &self.settings.form.plan;
        let shape = self.query.shape();
        let tiles = shape[0] * shape[1] * length.div_ceil(plan.side);
        (
            CubeCountSelection::new(&self.query.client, tiles as u32).cube_count(),
            CubeDim::new_1d(plan.units() as u32),
        )
    }

    fn dropping(&self) -> DroppingLaunch {
        let dropping = self.settings.dropping;
        DroppingLaunch::new(dropping.num_dropped, dropping.scale)
    }
}

/// A tensor like one of `[batch, heads, length, head_dim]` not yet written, which lies as projections have it: by heads last.
fn like(tensor: &CubeTensor) -> CubeTensor {
    let [batch, heads, length, head_dim] = tensor.shape().dims();
    let lying = empty_beside(tensor, [batch, length, heads, head_dim], tensor.dtype);
    CubeBackend::float_swap_dims(lying, 1, 2)
}

/// As [`super::TilesOps::attention`].
pub fn forward(inputs: &Inputs) -> Attended {
    let settings = inputs.settings;
    let query = &inputs.query;
    let [batch, heads, target, _] = query.shape().dims();
    let (bias, mask) = inputs.spread();
    let context = like(query);
    let normalizers = empty_beside(query, [batch, heads, target, 2], DType::F32);
    let (count, dim) = inputs.cubes(target);
    forward_kernel::launch(
        &query.client,
        count,
        dim,
        address_type([query, &inputs.key, &bias, &mask]),
        query.clone().into_tensor_arg(),
        inputs.key.clone().into_tensor_arg(),
        inputs.value.clone().into_tensor_arg(),
        bias.into_tensor_arg(),
        mask.into_tensor_arg(),
        inputs.seed.clone().into_tensor_arg(),
        context.clone().into_tensor_arg(),
        normalizers.clone().into_tensor_arg(),
        settings.scale,
        inputs.dropping(),
        settings.form,
        dtype_to_storage_type(query.dtype),
    );
    Attended {
        context: CubeBackend::float_swap_dims(context, 1, 2),
        normalizers,
    }
}

/// From the gradient of the context, `[batch, target, heads, head_dim]`.
pub fn backward(
    inputs: &Inputs,
    attended: &Attended,
    from_above: CubeTensor,
    has_bias: bool,
) -> InputGradients<CubeBackend> {
    let by_heads = |tensor| CubeBackend::float_swap_dims(tensor, 1, 2);
    let from_above = by_heads(from_above);
    let context = by_heads(attended.context.clone());
    let spread = inputs.spread();
    let found = of_queries(inputs, attended, &spread, context, &from_above, has_bias);
    let (key, value) = of_keys(inputs, attended, spread, from_above, found.means);
    InputGradients {
        query: found.query,
        key,
        value,
        bias: has_bias.then(|| of_bias(inputs, found.of_tiles)),
    }
}

/// What the kernel of the queries finds.
struct OfQueries {
    query: CubeTensor,
    means: CubeTensor,
    /// Of the bias.
    of_tiles: CubeTensor,
}

fn of_queries(
    inputs: &Inputs,
    attended: &Attended,
    (bias, mask): &(CubeTensor, CubeTensor),
    context: CubeTensor,
    from_above: &CubeTensor,
    has_bias: bool,
) -> OfQueries {
    let settings = inputs.settings;
    let query = &inputs.query;
    let [batch, heads, target, _] = query.shape().dims();
    let side = settings.form.plan.side;
    let tiles = [target, inputs.key.shape()[2]].map(|length| length.div_ceil(side));
    let of_query = like(query);
    let means = empty_beside(query, [batch, heads, target], DType::F32);
    let of_tiles = match has_bias {
        true => [batch, heads, tiles[0], tiles[1], 2 * side],
        false => [1; 5],
    };
    let of_tiles = empty_beside(query, of_tiles, DType::F32);
    let (count, dim) = inputs.cubes(target);
    queries_kernel::launch(
        &query.client,
        count,
        dim,
        address_type([query, &inputs.key, bias, mask, &of_tiles]),
        query.clone().into_tensor_arg(),
        inputs.key.clone().into_tensor_arg(),
        inputs.value.clone().into_tensor_arg(),
        bias.clone().into_tensor_arg(),
        mask.clone().into_tensor_arg(),
        inputs.seed.clone().into_tensor_arg(),
        context.into_tensor_arg(),
        attended.normalizers.clone().into_tensor_arg(),
        from_above.clone().into_tensor_arg(),
        of_query.clone().into_tensor_arg(),
        means.clone().into_tensor_arg(),
        of_tiles.clone().into_tensor_arg(),
        settings.scale,
        inputs.dropping(),
        settings.form,
        has_bias,
        dtype_to_storage_type(query.dtype),
    );
    OfQueries {
        query: of_query,
        means,
        of_tiles,
    }
}

fn of_keys(
    inputs: &Inputs,
    attended: &Attended,
    (bias, mask): (CubeTensor, CubeTensor),
    from_above: CubeTensor,
    means: CubeTensor,
) -> (CubeTensor, CubeTensor) {
    let settings = inputs.settings;
    let query = &inputs.query;
    let [of_key, of_value] = [like(&inputs.key), like(&inputs.value)];
    let (count, dim) = inputs.cubes(inputs.key.shape()[2]);
    keys_kernel::launch(
        &query.client,
        count,
        dim,
        address_type([query, &inputs.key, &bias, &mask]),
        query.clone().into_tensor_arg(),
        inputs.key.clone().into_tensor_arg(),
        inputs.value.clone().into_tensor_arg(),
        bias.into_tensor_arg(),
        mask.into_tensor_arg(),
        inputs.seed.clone().into_tensor_arg(),
        attended.normalizers.clone().into_tensor_arg(),
        means.into_tensor_arg(),
        from_above.into_tensor_arg(),
        of_key.clone().into_tensor_arg(),
        of_value.clone().into_tensor_arg(),
        settings.scale,
        inputs.dropping(),
        settings.form,
        dtype_to_storage_type(query.dtype),
    );
    (of_key, of_value)
}

/// The gradient of a bias by distance, summed over the batches and heads that share it.
fn of_bias(inputs: &Inputs, of_tiles: CubeTensor) -> CubeTensor {
    let query = &inputs.query;
    let [batch, heads, target, _] = query.shape().dims();
    let shape = inputs.bias.shape();
    let of_bias = empty_beside(query, [batch, heads, 1, shape[3]], DType::F32);
    let launch = ElementLaunch::new(&query.client, of_bias.shape().num_elements());
    bias_kernel::launch(
        &query.client,
        launch.count,
        launch.dim,
        address_type([&of_tiles]),
        of_tiles.into_tensor_arg(),
        of_bias.clone().into_tensor_arg(),
        target,
        inputs.settings.form.plan.side,
    );
    (0..2)
        .filter(|&axis| shape[axis] == 1)
        .fold(of_bias, CubeBackend::float_sum_dim)
}
