//! What the kernels in tiles read and draw.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::plan::{Plan, SCORES_OF_UNIT};
use crate::attention::MASKED_SCORE;
use crate::cube::{bits_of, hashed};

/// Elements that a unit reads before it waits for one of them, at most. More would take registers that keep other cubes from
/// running beside.
const MOST_AT_ONCE: usize = 4;

/// Which rows of the tensors a cube has.
#[derive(CubeType)]
pub struct Part {
    pub batch: usize,
    pub head: usize,
    /// The first query or key.
    pub first: usize,
}

/// The part of this cube where each head has this many tiles.
#[cube]
pub fn part_of_cube(heads: usize, tiles: usize, #[comptime] plan: Plan) -> Part {
    let place = CUBE_POS;
    Part {
        batch: place / tiles / heads,
        head: place / tiles % heads,
        first: place % tiles * comptime!(plan.side),
    }
}

/// Fills a tile with rows of a tensor `[batch, heads, length, head_dim]` of any strides, and with zeros beyond its ends; the
/// cube has to wait before anybody reads it. Several reads are on their way before the first is waited for.
#[cube]
pub fn load<F: Float>(
    from: &Tensor<F>,
    part: &Part,
    first: usize,
    tile: &mut Shared<[F]>,
    #[comptime] plan: Plan,
) {
    let head_dim = from.shape(3);
    let (rows, columns) = (from.stride(2), from.stride(3));
    let start = part.batch * from.stride(0) + part.head * from.stride(1) + first * rows;
    let present = min(from.shape(2) - first, comptime!(plan.side));
    let at_once = comptime!(min(plan.elements_of_unit(), MOST_AT_ONCE));
    let mut done = 0usize;
    while done * comptime!(plan.units()) < present * comptime!(plan.width) {
        let mut elements = Array::<F>::new(at_once);
        #[unroll]
        for index in 0..at_once {
            let (row, column) = spot(done + index, plan);
            let is_there = row < present && column < head_dim;
            let place = select(is_there, row * rows + column * columns, 0);
            elements[index] = select(is_there, from[start + place], F::new(0.0));
        }
        #[unroll]
        for index in 0..at_once {
            let (row, column) = spot(done + index, plan);
            tile[row * comptime!(plan.row_stride()) + column] = elements[index];
        }
        done += at_once;
    }
    while done < comptime!(plan.elements_of_unit()) {
        let (row, column) = spot(done, plan);
        tile[row * comptime!(plan.row_stride()) + column] = F::new(0.0);
        done += 1;
    }
}

/// Row and column of one of the elements that a unit moves.
#[cube]
fn spot(index: usize, #[comptime] plan: Plan) -> (usize, usize) {
    let place = UNIT_POS as usize + index * comptime!(plan.units());
    (place / comptime!(plan.width), place % comptime!(plan.width))
}

/// Sets the sums over keys or queries to zero.
#[cube]
pub fn clear(sums: &mut Shared<[f32]>, #[comptime] plan: Plan) {
    let mut place = UNIT_POS as usize;
    while place < comptime!(plan.side * plan.sum_stride()) {
        sums[place] = 0.0f32;
        place += comptime!(plan.units());
    }
}

/// Writes rows of a tile of sums, times a factor, into a tensor `[batch, heads, length, head_dim]` of any strides.
#[cube]
pub fn store<F: Float>(
    sums: &Shared<[f32]>,
    factor: f32,
    into: &mut Tensor<F>,
    part: &Part,
    #[comptime] plan: Plan,
) {
    let start = part.batch * into.stride(0) + part.head * into.stride(1);
    let (length, head_dim) = (into.shape(2), into.shape(3));
    let (width, sum_stride) = comptime!((plan.width, plan.sum_stride()));
    let (rows, columns) = (into.stride(2), into.stride(3));
    let mut place = UNIT_POS as usize;
    while place < comptime!(plan.side * plan.width) {
        let (row, column) = (place / width, place % width);
        if part.first + row < length && column < head_dim {
            let sum = factor * sums[row * sum_stride + column];
            into[start + (part.first + row) * rows + column * columns] = F::cast_from(sum);
        }
        place += comptime!(plan.units());
    }
}

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
