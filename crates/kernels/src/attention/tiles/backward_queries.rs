//! A cube for each tile of queries: what has to be known of a query is found once, and no sum depends on the order of cubes.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::Form;
use super::plan::Plan;
use super::product::multiply;
use super::scores::{
    Dropping, Own, normalize, normalizer_of, of_lanes, put_gradients, query_of, scores_of,
};
use super::tile::{Part, clear, load, part_of_cube, store};

/// The gradient of the queries, of each query the mean of its weights' gradient by the weights, `[batch, heads, target]`,
/// and of the bias what each pair of tiles adds by the distances in it: `[batch, heads, tiles, tiles, 2 * side]`.
#[cube(launch, address_type = "dynamic")]
#[expect(
    clippy::too_many_arguments,
    reason = "a kernel's arguments lie side by side"
)]
pub fn queries_kernel<F: Float>(
    query: &Tensor<F>,
    key: &Tensor<F>,
    value: &Tensor<F>,
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    seed: &Tensor<f32>,
    context: &Tensor<F>,
    normalizers: &Tensor<f32>,
    from_above: &Tensor<F>,
    of_query: &mut Tensor<F>,
    means: &mut Tensor<f32>,
    of_bias: &mut Tensor<f32>,
    scale: f32,
    dropping: Dropping,
    #[comptime] form: Form,
    #[comptime] has_bias: bool,
    #[define(F)] _dtype: ElemType,
) {
    let plan = comptime!(form.plan);
    let side = comptime!(plan.side);
    let (heads, target, source) = (query.shape(1), query.shape(2), key.shape(2));
    let tiles = target.div_ceil(side);
    if CUBE_POS >= query.shape(0) * heads * tiles {
        terminate!();
    }
    let part = part_of_cube(heads, tiles, plan);
    let row_elements = comptime!(side * plan.row_stride());
    let mut queries = Shared::<[F]>::new_aligned_slice(row_elements, 32usize);
    let mut gradients = Shared::<[F]>::new_aligned_slice(row_elements, 32usize);
    let mut keys = Shared::<[F]>::new_aligned_slice(row_elements, 32usize);
    let mut values = Shared::<[F]>::new_aligned_slice(row_elements, 32usize);
    let mut of_scores =
        Shared::<[F]>::new_aligned_slice(comptime!(side * plan.weight_stride()), 32usize);
    let mut scores =
        Shared::<[f32]>::new_aligned_slice(comptime!(side * plan.score_stride()), 32usize);
    let mut sums = Shared::<[f32]>::new_aligned_slice(comptime!(side * plan.sum_stride()), 32usize);
    let mut partial = Shared::<[f32]>::new_slice(comptime!(plan.units()));

    let unit_query = query_of(bias, mask, seed, &part, part.first, scale, form);
    let normalizer = normalizer_of(normalizers, &unit_query);
    load::<F>(query, &part, part.first, &mut queries, plan);
    load::<F>(from_above, &part, part.first, &mut gradients, plan);
    clear(&mut sums, plan);
    sync_cube();
    partial[UNIT_POS as usize] = 0.0f32;
    if unit_query.is_there {
        partial[UNIT_POS as usize] =
            part_of_mean(&gradients, context, &part, &unit_query.own, plan);
    }
    sync_cube();
    let mean = of_lanes(&partial, &unit_query.own, plan, true);
    if unit_query.own.lane == 0 && unit_query.is_there {
        means[unit_query.row] = mean;
    }
    let mut first = 0usize;
    while first < source {
        load::<F>(key, &part, first, &mut keys, plan);
        load::<F>(value, &part, first, &mut values, plan);
        sync_cube();
        multiply::<F>(&queries, &keys, &mut scores, comptime!(plan.scores()));
        sync_cube();
        let mut weights = scores_of(&scores, bias, mask, &unit_query, first, plan);
        normalize(&mut weights, &normalizer);
        sync_cube();
        multiply::<F>(&gradients, &values, &mut scores, comptime!(plan.scores()));
        sync_cube();
        put_gradients::<F>(
            &weights,
            &mut scores,
            &mut of_scores,
            &unit_query,
            mean,
            first,
            &dropping,
            form,
        );
        sync_cube();
        if comptime!(has_bias) {
            let pair = CUBE_POS * source.div_ceil(side) + first / side;
            add_by_distance(&scores, of_bias, pair, plan);
        }
        multiply::<F>(&of_scores, &keys, &mut sums, comptime!(plan.over_keys()));
        sync_cube();
        first += side;
    }
    store::<F>(&sums, scale, of_query, &part, plan);
}

/// What this unit adds to the mean of the gradients of a query's weights by the weights: to the product of its context with
/// the gradient of that (Dao 2023, section 3.1).
#[cube]
fn part_of_mean<F: Float>(
    gradients: &Shared<[F]>,
    context: &Tensor<F>,
    part: &Part,
    own: &Own,
    #[comptime] plan: Plan,
) -> f32 {
    let start = part.batch * context.stride(0)
        + part.head * context.stride(1)
        + (part.first + own.row) * context.stride(2);
    let mut sum = 0.0f32;
    let mut column = own.lane;
    while column < context.shape(3) {
        let gradient = gradients[own.row * comptime!(plan.row_stride()) + column];
        let context = context[start + column * context.stride(3)];
        sum += f32::cast_from(gradient) * f32::cast_from(context);
        column += comptime!(plan.lanes());
    }
    sum
}

/// Writes the sums of a tile's diagonals, from the last query and the first key on.
#[cube]
fn add_by_distance(
    of_scores: &Shared<[f32]>,
    of_bias: &mut Tensor<f32>,
    pair: usize,
    #[comptime] plan: Plan,
) {
    let side = comptime!(plan.side);
    let mut distance = UNIT_POS as usize;
    while distance < comptime!(2 * side) {
        let mut sum = 0.0f32;
        for row in 0..side.runtime() {
            // Without a branch, in which the units of a plane would part.
            let column = row + distance + 1;
            let is_in_tile = column >= side && column < comptime!(2 * side);
            let inside = select(is_in_tile, column, side) - side;
            let of_score = of_scores[row * comptime!(plan.score_stride()) + inside];
            sum += select(is_in_tile, of_score, 0.0f32);
        }
        of_bias[pair * comptime!(2 * side) + distance] = sum;
        distance += comptime!(plan.units());
    }
}

/// The gradient of a bias by distance for each row of the batch and each head, `[batch, heads, 1, target + source - 1]`: a
/// unit for each of its elements.
#[cube(launch, address_type = "dynamic")]
pub fn bias_kernel(
    of_tiles: &Tensor<f32>,
    of_bias: &mut Tensor<f32>,
    target: usize,
    #[comptime] side: usize,
) {
    let width = of_bias.shape(3);
    let place = ABSOLUTE_POS;
    if place >= of_bias.shape(0) * of_bias.shape(1) * width {
        terminate!();
    }
    let (of_queries, of_keys) = (of_tiles.shape(2), of_tiles.shape(3));
    let mut sum = 0.0f32;
    for tile in 0..of_queries {
        // From the first distance of this tile and the first keys on; two tiles of keys have the distance.
        let from_first = place % width + (tile + 1) * side;
        if from_first >= target {
            let distance = from_first - target;
            let (keys, rest) = (distance / side, distance % side);
            let row = (place / width * of_queries + tile) * of_keys;
            if keys < of_keys {
                sum += of_tiles[(row + keys) * comptime!(2 * side) + rest];
            }
            if keys > 0 && keys <= of_keys {
                sum += of_tiles[(row + keys - 1) * comptime!(2 * side) + side + rest];
            }
        }
    }
    of_bias[place] = sum;
}
