//! From products to scores and weights and back to their gradients, for what a unit has of a tile.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::Form;
use super::plan::{Plan, SCORES_OF_UNIT};
use super::tile::Part;
use crate::attention::MASKED_SCORE;
use crate::cube::{bits_of, dropout_factor, hashed};

/// What this unit has of each tile of scores: every so many keys of one query.
#[derive(CubeType)]
pub struct Own {
    pub row: usize,
    pub lane: usize,
}

/// What this unit has.
#[cube]
fn own(#[comptime] plan: Plan) -> Own {
    let unit = UNIT_POS as usize;
    Own {
        row: unit / comptime!(plan.lanes()),
        lane: unit % comptime!(plan.lanes()),
    }
}

/// The column of one of a unit's scores.
#[cube]
fn column_of(own: &Own, #[comptime] index: usize, #[comptime] plan: Plan) -> usize {
    own.lane + comptime!(index * plan.lanes())
}

/// How products become scores, for one query.
#[derive(CubeType)]
struct Addends {
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
fn addends_of(
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
fn score_of(
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
fn bits_of_query(seed: &Tensor<f32>, query: usize, #[comptime] drops: bool) -> u32 {
    let mut bits = 0u32;
    if comptime!(drops) {
        bits = hashed(u32::cast_from(query), bits_of(seed[0]), bits_of(seed[1]));
    }
    bits
}

/// What dropout multiplies the weight of a key by, each time the same.
#[cube]
fn factor_of_key(of_query: u32, key: usize, dropping: &Dropping, #[comptime] drops: bool) -> f32 {
    let mut factor = 1.0f32;
    if comptime!(drops) {
        let bits = hashed(u32::cast_from(key), of_query, of_query);
        factor = dropout_factor(bits, dropping.num_dropped, dropping.scale);
    }
    factor
}

/// The query of this unit.
#[derive(CubeType)]
pub struct Query {
    pub own: Own,
    /// Among all queries of the heads and batches.
    pub row: usize,
    /// Whether it is none past the last.
    pub is_there: bool,
    addends: Addends,
    bits: u32,
}

/// The unit's query in the tile from `first` on; bias and mask are over all batches and heads.
#[cube]
pub fn query_of(
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    seed: &Tensor<f32>,
    part: &Part,
    first: usize,
    scale: f32,
    #[comptime] form: Form,
) -> Query {
    let own = own(form.plan);
    let position = first + own.row;
    let (heads, target) = (mask.shape(1), mask.shape(2));
    let row = (part.batch * heads + part.head) * target + position;
    Query {
        own,
        row,
        is_there: position < target,
        addends: addends_of(bias, mask, part, position, scale, form.is_by_distance),
        bits: bits_of_query(seed, row, form.drops),
    }
}

/// The scores of a unit from the products in a tile.
#[cube]
pub fn scores_of(
    products: &Shared<[f32]>,
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    query: &Query,
    first_key: usize,
    #[comptime] plan: Plan,
) -> Array<f32> {
    let mut scores = Array::<f32>::new(SCORES_OF_UNIT);
    #[unroll]
    for index in 0..SCORES_OF_UNIT {
        let column = column_of(&query.own, index, plan);
        let product = products[query.own.row * comptime!(plan.score_stride()) + column];
        scores[index] = score_of(product, bias, mask, &query.addends, first_key + column);
    }
    scores
}

/// What makes weights of a query's scores.
#[derive(CubeType)]
pub struct Normalizer {
    highest: f32,
    factor: f32,
}

/// As the forward pass left it; a query past the last has no weights.
#[cube]
pub fn normalizer_of(normalizers: &Tensor<f32>, query: &Query) -> Normalizer {
    let mut highest = 0.0f32;
    let mut factor = 0.0f32;
    if query.is_there {
        highest = normalizers[2 * query.row];
        factor = normalizers[2 * query.row + 1];
    }
    Normalizer { highest, factor }
}

/// Turns the scores of a unit into its weights before dropout.
#[cube]
pub fn normalize(scores: &mut Array<f32>, normalizer: &Normalizer) {
    #[unroll]
    for index in 0..SCORES_OF_UNIT {
        scores[index] = f32::exp(scores[index] - normalizer.highest) * normalizer.factor;
    }
}

/// Puts the weights of a unit after dropout into a tile.
#[cube]
pub fn put_kept<F: Float>(
    weights: &Array<f32>,
    tile: &mut Shared<[F]>,
    query: &Query,
    first_key: usize,
    dropping: &Dropping,
    #[comptime] form: Form,
) {
    #[unroll]
    for index in 0..SCORES_OF_UNIT {
        let column = column_of(&query.own, index, form.plan);
        let kept = factor_of_key(query.bits, first_key + column, dropping, form.drops);
        tile[query.own.row * comptime!(form.plan.weight_stride()) + column] =
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
    query: &Query,
    mean: f32,
    first_key: usize,
    dropping: &Dropping,
    #[comptime] form: Form,
) {
    #[unroll]
    for index in 0..SCORES_OF_UNIT {
        let column = column_of(&query.own, index, form.plan);
        let place = query.own.row * comptime!(form.plan.score_stride()) + column;
        let kept = factor_of_key(query.bits, first_key + column, dropping, form.drops);
        let of_score = weights[index] * (scores[place] * kept - mean);
        scores[place] = of_score;
        tile[query.own.row * comptime!(form.plan.weight_stride()) + column] =
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
