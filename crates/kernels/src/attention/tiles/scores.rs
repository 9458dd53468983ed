//! From products to scores and weights and back to their gradients, for what a unit has of a tile.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::Form;
use super::plan::{Plan, SCORES_OF_UNIT};
use super::tile::Part;
use crate::attention::MASKED_SCORE;
use crate::cube::{bits_of, hashed};

/// What this unit has of each tile of scores: every so many keys of one query.
#[derive(CubeType)]
pub struct Own {
    pub row: usize,
    pub lane: usize,
}

/// What this unit has.
#[cube]
pub fn own(#[comptime] plan: Plan) -> Own {
    let unit = UNIT_POS as usize;
    Own {
        row: unit / comptime!(plan.lanes()),
        lane: unit % comptime!(plan.lanes()),
    }
}

/// The column of one of a unit's scores.
#[cube]
pub fn column_of(own: &Own, #[comptime] index: usize, #[comptime] plan: Plan) -> usize {
    own.lane + comptime!(index * plan.lanes())
}

/// How products become scores, for one query.
#[derive(CubeType)]
pub struct Addends {
    bias: usize,
    mask: usize,
    /// From one key to the next.
    bias_stride: usize,
    mask_stride: usize,
    last_key: usize,
    scale: f32,
}

/// Where bias and mask of a query start; a query past the last counts as the last. The bias by distance is
/// `[batch, heads, 1, target + source - 1]`, any other `[batch, heads, target, source]`.
#[cube]
pub fn addends_of(
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    part: &Part,
    query: usize,
    scale: f32,
    #[comptime] is_by_distance: bool,
) -> Addends {
    let last = mask.shape(2) - 1;
    let query = min(query, last);
    let mut of_bias = part.batch * bias.stride(0) + part.head * bias.stride(1);
    if comptime!(is_by_distance) {
        of_bias += (last - query) * bias.stride(3);
    } else {
        of_bias += query * bias.stride(2);
    }
    let of_mask = part.batch * mask.stride(0) + part.head * mask.stride(1) + query * mask.stride(2);
    Addends {
        bias: of_bias,
        mask: of_mask,
        bias_stride: bias.stride(3),
        mask_stride: mask.stride(3),
        last_key: mask.shape(3) - 1,
        scale,
    }
}

/// `scale * product + bias + mask`, the sum of the last two no lower than [`MASKED_SCORE`]; far lower still for a key past
/// the last.
#[cube]
pub fn score_of(
    product: f32,
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    addends: &Addends,
    key: usize,
) -> f32 {
    let known = min(key, addends.last_key);
    let bias = bias[addends.bias + known * addends.bias_stride];
    let mask = mask[addends.mask + known * addends.mask_stride];
    let score = addends.scale * product + max(bias + mask, MASKED_SCORE);
    select(key == known, score, f32::min_value())
}

/// How weights are dropped.
#[derive(CubeType, CubeLaunch)]
pub struct Dropping {
    /// Of 2^16 draws, those that drop.
    pub num_dropped: u32,
    /// The factor on what stays.
    pub scale: f32,
}

/// Bits that belong to a query of all batches and heads, where anything is dropped.
#[cube]
pub fn bits_of_query(seed: &Tensor<f32>, query: usize, #[comptime] drops: bool) -> u32 {
    let mut bits = 0u32;
    if comptime!(drops) {
        bits = hashed(u32::cast_from(query), bits_of(seed[0]), bits_of(seed[1]));
    }
    bits
}

/// What dropout multiplies the weight of a key by, each time the same.
#[cube]
pub fn dropout_factor(
    of_query: u32,
    key: usize,
    dropping: &Dropping,
    #[comptime] drops: bool,
) -> f32 {
    let mut factor = 1.0f32;
    if comptime!(drops) {
        let bits = hashed(u32::cast_from(key), of_query, of_query);
        factor = select(bits >> 16u32 < dropping.num_dropped, 0.0f32, dropping.scale);
    }
    factor
}

/// What the backward pass knows of the query of this unit.
#[derive(CubeType)]
pub struct Known {
    pub own: Own,
    /// Among all queries of the heads and batches.
    pub row: usize,
    pub is_query: bool,
    addends: Addends,
    bits: u32,
    highest: f32,
    factor: f32,
}

/// What is known of the unit's query in the tile from `first` on; a query past the last has no weights.
#[cube]
pub fn known_of(
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    seed: &Tensor<f32>,
    normalizers: &Tensor<f32>,
    part: &Part,
    first: usize,
    scale: f32,
    #[comptime] form: Form,
) -> Known {
    let own = own(form.plan);
    let position = first + own.row;
    let (heads, target) = (normalizers.shape(1), normalizers.shape(2));
    let row = (part.batch * heads + part.head) * target + position;
    let is_query = position < target;
    let mut highest = 0.0f32;
    let mut factor = 0.0f32;
    if is_query {
        highest = normalizers[2 * row];
        factor = normalizers[2 * row + 1];
    }
    Known {
        own,
        row,
        is_query,
        addends: addends_of(bias, mask, part, position, scale, form.is_by_distance),
        bits: bits_of_query(seed, row, form.drops),
        highest,
        factor,
    }
}

/// The weights of a unit before dropout, from the products in `scores`.
#[cube]
pub fn weights_of(
    scores: &Shared<[f32]>,
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    known: &Known,
    first_key: usize,
    #[comptime] plan: Plan,
) -> Array<f32> {
    let mut weights = new_scores();
    #[unroll]
    for index in 0..SCORES_OF_UNIT {
        let column = column_of(&known.own, index, plan);
        let product = scores[known.own.row * comptime!(plan.score_stride()) + column];
        let score = score_of(product, bias, mask, &known.addends, first_key + column);
        weights[index] = f32::exp(score - known.highest) * known.factor;
    }
    weights
}

/// Puts the weights of a unit after dropout into a tile.
#[cube]
pub fn put_kept<F: Float>(
    weights: &Array<f32>,
    tile: &mut Shared<[F]>,
    known: &Known,
    first_key: usize,
    dropping: &Dropping,
    #[comptime] form: Form,
) {
    #[unroll]
    for index in 0..SCORES_OF_UNIT {
        let column = column_of(&known.own, index, form.plan);
        let kept = dropout_factor(known.bits, first_key + column, dropping, form.drops);
        tile[known.own.row * comptime!(form.plan.weight_stride()) + column] =
            F::cast_from(weights[index] * kept);
    }
}

/// Turns the gradients of a unit's weights, as they stand in `scores`, into those of its scores: there in f32, and in a tile
/// in the type of the factors. The mean is that of the query's gradients by its weights.
#[cube]
pub fn put_gradients<F: Float>(
    weights: &Array<f32>,
    scores: &mut Shared<[f32]>,
    tile: &mut Shared<[F]>,
    known: &Known,
    mean: f32,
    first_key: usize,
    dropping: &Dropping,
    #[comptime] form: Form,
) {
    #[unroll]
    for index in 0..SCORES_OF_UNIT {
        let column = column_of(&known.own, index, form.plan);
        let place = known.own.row * comptime!(form.plan.score_stride()) + column;
        let kept = dropout_factor(known.bits, first_key + column, dropping, form.drops);
        let of_score = weights[index] * (scores[place] * kept - mean);
        scores[place] = of_score;
        tile[known.own.row * comptime!(form.plan.weight_stride()) + column] =
            F::cast_from(of_score);
    }
}

/// The sum, or the highest, of what the units of a query have.
#[cube]
pub fn of_lanes(
    partial: &Shared<[f32]>,
    own: &Own,
    #[comptime] plan: Plan,
    #[comptime] adds: bool,
) -> f32 {
    let lanes = comptime!(plan.lanes());
    let start = own.row * lanes;
    let mut result = partial[start];
    #[unroll]
    for lane in 1..lanes {
        if comptime!(adds) {
            result += partial[start + lane];
        } else {
            result = max(result, partial[start + lane]);
        }
    }
    result
}

/// Scores of a unit.
#[cube]
pub fn new_scores() -> Array<f32> {
    Array::<f32>::new(SCORES_OF_UNIT)
}
