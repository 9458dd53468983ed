//! A cube for each tile of queries: what has to be known of a query is found once, and no sum depends on the order of cubes.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::Form;
use super::plan::{Plan, SCORES_OF_UNIT};
use super::product::multiply;
use super::tile::{
    Dropping, addends_of, bits_of_query, clear, column_of, dropout_factor, load, new_scores,
    of_lanes, own, part_of_cube, score_of, store,
};

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
    let own = own(plan);
    let unit = UNIT_POS as usize;
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

    let position = part.first + own.row;
    let row = (part.batch * heads + part.head) * target + position;
    let addends = addends_of(bias, mask, &part, position, scale, form.is_by_distance);
    let bits = bits_of_query(seed, row, form.drops);
    load::<F>(query, &part, part.first, &mut queries, plan);
    load::<F>(from_above, &part, part.first, &mut gradients, plan);
    clear(&mut sums, plan);
    sync_cube();
    let mut highest = 0.0f32;
    let mut factor = 0.0f32;
    let mut mean = 0.0f32;
    if position < target {
        highest = normalizers[2 * row];
        factor = normalizers[2 * row + 1];
        let start = part.batch * context.stride(0)
            + part.head * context.stride(1)
            + position * context.stride(2);
        let mut column = own.lane;
        while column < context.shape(3) {
            let gradient = gradients[own.row * comptime!(plan.row_stride()) + column];
            let context = context[start + column * context.stride(3)];
            mean += f32::cast_from(gradient) * f32::cast_from(context);
            column += comptime!(plan.lanes());
        }
    }
    partial[unit] = mean;
    sync_cube();
    let mean = of_lanes(&partial, &own, plan, true);
    if own.lane == 0 && position < target {
        means[row] = mean;
    }
    let mut first = 0usize;
    while first < source {
        load::<F>(key, &part, first, &mut keys, plan);
        load::<F>(value, &part, first, &mut values, plan);
        sync_cube();
        multiply::<F>(&queries, &keys, &mut scores, comptime!(plan.scores()));
        sync_cube();
        let mut weights = new_scores();
        #[unroll]
        for index in 0..SCORES_OF_UNIT {
            let column = column_of(&own, index, plan);
            let product = scores[own.row * comptime!(plan.score_stride()) + column];
            let score = score_of(product, bias, mask, &addends, first + column);
            weights[index] = f32::exp(score - highest) * factor;
        }
        sync_cube();
        multiply::<F>(&gradients, &values, &mut scores, comptime!(plan.scores()));
        sync_cube();
        #[unroll]
        for index in 0..SCORES_OF_UNIT {
            let column = column_of(&own, index, plan);
            let place = own.row * comptime!(plan.score_stride()) + column;
            let kept = dropout_factor(bits, first + column, &dropping, form.drops);
            let of_score = weights[index] * (scores[place] * kept - mean);
            scores[place] = of_score;
            of_scores[own.row * comptime!(plan.weight_stride()) + column] = F::cast_from(of_score);
        }
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
