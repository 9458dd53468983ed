//! Tokens in the order of their ids, without atomic operations. A cube sorts a tile of as many tokens as it has units; then
//! each token looks up its place in every other tile, by halves, while it is in shared memory. 65,536 tokens, 256 a tile,
//! take 9 comparisons in each of 255 tiles, 150 million in all, besides 17 million within tiles; to compare each with each
//! would take 4,300 million.

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use crate::cube::{RowLaunch, address_type, empty_beside, nearest};

/// Tokens by the row that they name, those of a row in their own order; both `[tokens]`, of integers of 32 bits.
pub struct Ordered {
    /// The tokens' places in the batch.
    pub tokens: CubeTensor,
    /// The row of each, none outside of the table.
    pub rows: CubeTensor,
}

/// The order of dense ids, one at least, into a table of so many rows.
pub fn ordered(ids: CubeTensor, num_rows: usize) -> Ordered {
    let num_tokens = ids.shape().num_elements();
    let client = ids.client.clone();
    let units = RowLaunch::new(&client, 1, num_tokens).units;
    let launch = || RowLaunch::new(&client, num_tokens.div_ceil(units), num_tokens);
    let list = || empty_beside(&ids, [num_tokens], DType::U32);
    let address = address_type([&ids]);
    let [tiles, whole] = [(); 2].map(|()| Ordered {
        tokens: list(),
        rows: list(),
    });
    let of_tiles = launch();
    let dtype = dtype_to_storage_type(ids.dtype);
    tile_kernel::launch(
        &client,
        of_tiles.count,
        of_tiles.dim,
        address,
        ids.into_buffer_arg(),
        tiles.tokens.clone().into_buffer_arg(),
        tiles.rows.clone().into_buffer_arg(),
        num_rows,
        units,
        dtype,
    );
    let of_whole = launch();
    merge_kernel::launch(
        &client,
        of_whole.count,
        of_whole.dim,
        address,
        tiles.tokens.into_buffer_arg(),
        tiles.rows.into_buffer_arg(),
        whole.tokens.clone().into_buffer_arg(),
        whole.rows.clone().into_buffer_arg(),
        units,
    );
    whole
}

/// Sorts the tokens of each tile: that many go before a token as name lower rows, or the same and come before it.
#[cube(launch, address_type = "dynamic")]
fn tile_kernel<I: Int>(
    ids: &[I],
    tokens: &mut [u32],
    rows: &mut [u32],
    num_rows: usize,
    #[comptime] units: usize,
    #[define(I)] _dtype: ElemType,
) {
    let unit = UNIT_POS as usize;
    let start = CUBE_POS * units;
    let token = start + unit;
    let mut row = u32::MAX.runtime();
    if token < ids.len() {
        row = u32::cast_from(nearest::<I>(ids[token], num_rows));
    }
    let mut tile = Shared::<[u32]>::new_slice(units);
    tile[unit] = row;
    sync_cube();
    let mut before = 0usize.runtime();
    for other in 0..units {
        let is_before = tile[other] < row || (tile[other] == row && other < unit);
        before += select(is_before, 1usize, 0usize);
    }
    if token < ids.len() {
        tokens[start + before] = u32::cast_from(token);
        rows[start + before] = row;
    }
}

/// Writes each token of the sorted tiles to its place among those of all. Of the tokens of a row those of earlier tiles go
/// first.
#[cube(launch, address_type = "dynamic")]
fn merge_kernel(
    tile_tokens: &[u32],
    tile_rows: &[u32],
    tokens: &mut [u32],
    rows: &mut [u32],
    #[comptime] units: usize,
) {
    let unit = UNIT_POS as usize;
    let place = CUBE_POS * units + unit;
    let row = row_at(tile_rows, place);
    let mut tile = Shared::<[u32]>::new_slice(units);
    let mut before = unit;
    let mut other = 0usize.runtime();
    while other * units < tile_rows.len() {
        sync_cube();
        tile[unit] = row_at(tile_rows, other * units + unit);
        sync_cube();
        if other < CUBE_POS {
            before += num_below(&tile, row + 1u32, units);
        } else if other > CUBE_POS {
            before += num_below(&tile, row, units);
        }
        other += 1;
    }
    if place < tile_rows.len() {
        tokens[before] = tile_tokens[place];
        rows[before] = row;
    }
}

/// The row at a place, and beyond the last place one beyond all.
#[cube]
fn row_at(rows: &[u32], place: usize) -> u32 {
    let mut row = u32::MAX.runtime();
    if place < rows.len() {
        row = rows[place];
    }
    row
}

/// How many rows of a sorted tile, whose number is a power of two, are below a bound.
#[cube]
fn num_below(tile: &Shared<[u32]>, bound: u32, #[comptime] units: usize) -> usize {
    let mut below = 0usize.runtime();
    let mut step = comptime!(units / 2).runtime();
    while step > 0 {
        if tile[below + step - 1] < bound {
            below += step;
        }
        step /= 2;
    }
    // All but one are told apart so far.
    if tile[below] < bound {
        below += 1;
    }
    below
}
