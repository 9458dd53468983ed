//! Tiles in the memory of a cube, from that of the card and back to it.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::plan::Plan;

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
