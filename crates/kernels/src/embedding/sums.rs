//! Sums over the tokens of each row. A cube takes a chunk of the ordered tokens; the tokens of a row, a *run*, may go on
//! over several chunks, and what these hold of it is joined afterwards. No sum depends on the order of cubes.

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::order::Ordered;
use crate::cube::{ELEMENTS_OF_UNIT, RowLaunch, address_type, empty_beside};

/// Tokens of a cube.
const CHUNK: usize = 64;
/// Columns side by side of a cube that joins, at most.
const JOINED_COLUMNS: usize = 32;
/// Units of a cube that joins for each of its columns, where it has as many.
const LANES: usize = 8;

/// What the chunks hold of runs that go on over several, `[chunks, width]`; what no run asks for is not written.
struct Parts {
    /// Of runs that come in from the chunk before.
    heads: CubeTensor,
    /// Of runs that begin in a chunk and go on into the next.
    tails: CubeTensor,
}

/// Writes for each row that tokens name the sum of their dense gradients, `[.., width]`, to the table `[rows, width]`.
pub fn add_up(from_above: CubeTensor, ordered: Ordered, table: CubeTensor) -> CubeTensor {
    let num_chunks = ordered.rows.shape().num_elements().div_ceil(CHUNK);
    let width = table.shape()[1];
    let part = || empty_beside(&table, [num_chunks, width], DType::F32);
    let parts = Parts {
        heads: part(),
        tails: part(),
    };
    let launch = RowLaunch::new(&table.client, num_chunks, width);
    sum_kernel::launch(
        &table.client,
        launch.count,
        launch.dim,
        address_type([&from_above, &table]),
        from_above.into_buffer_arg(),
        ordered.tokens.into_buffer_arg(),
        ordered.rows.clone().into_buffer_arg(),
        table.clone().into_tensor_arg(),
        parts.heads.clone().into_buffer_arg(),
        parts.tails.clone().into_buffer_arg(),
        launch.units,
        dtype_to_storage_type(table.dtype),
    );
    match num_chunks {
        1 => table,
        _ => join(ordered.rows, parts, table),
    }
}

/// Writes the sums of the runs that go on over several chunks.
fn join(rows: CubeTensor, parts: Parts, table: CubeTensor) -> CubeTensor {
    let [num_chunks, width] = [parts.heads.shape()[0], parts.heads.shape()[1]];
    let launch_of = |num_cubes| {
        let most_elements = num_chunks.min(LANES) * JOINED_COLUMNS * ELEMENTS_OF_UNIT;
        RowLaunch::new(&table.client, num_cubes, most_elements)
    };
    let columns = launch_of(1).units.min(JOINED_COLUMNS);
    let launch = launch_of(num_chunks * width.div_ceil(columns));
    join_kernel::launch(
        &table.client,
        launch.count,
        launch.dim,
        address_type([&parts.heads, &table]),
        rows.into_buffer_arg(),
        parts.heads.into_buffer_arg(),
        parts.tails.into_buffer_arg(),
        table.clone().into_tensor_arg(),
        columns,
        launch.units,
        dtype_to_storage_type(table.dtype),
    );
    table
}

/// Sums the runs of a chunk. Of one that comes in from the chunk before the sum is the chunk's head, of one that only goes
/// on into the next it is the tail; the others are whole.
#[cube(launch, address_type = "dynamic")]
#[expect(
    clippy::too_many_arguments,
    reason = "a kernel's arguments lie side by side"
)]
fn sum_kernel<F: Float>(
    from_above: &[F],
    tokens: &[u32],
    rows: &[u32],
    table: &mut Tensor<F>,
    heads: &mut [f32],
    tails: &mut [f32],
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let (chunk, width) = (CUBE_POS, table.shape(1));
    let start = chunk * CHUNK;
    if start >= rows.len() {
        terminate!();
    }
    let end = min(start + CHUNK, rows.len());
    let mut column = UNIT_POS as usize;
    while column < width {
        let mut comes_in = goes_on_at(rows, start);
        let mut sum = 0.0f32;
        for place in start..end {
            let token = tokens[place] as usize;
            sum += f32::cast_from(from_above[token * width + column]);
            let goes_on = goes_on_at(rows, place + 1);
            if !goes_on || place + 1 == end {
                if comes_in {
                    heads[chunk * width + column] = sum;
                } else if goes_on {
                    tails[chunk * width + column] = sum;
                } else {
                    table[rows[place] as usize * width + column] = F::cast_from(sum);
                }
                comes_in = false.runtime();
                sum = 0.0f32;
            }
        }
        column += units;
    }
}

/// Of a run that begins in a chunk and goes on into others: the tail of the first and the heads of the others. A cube has
/// some columns of a chunk, and for each of them several units, which take turns at the heads.
#[cube(launch, address_type = "dynamic")]
fn join_kernel<F: Float>(
    rows: &[u32],
    heads: &[f32],
    tails: &[f32],
    table: &mut Tensor<F>,
    #[comptime] columns: usize,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let lanes = comptime!(units / columns);
    let (unit, width) = (UNIT_POS as usize, table.shape(1));
    let num_tiles = width.div_ceil(columns);
    let (chunk, tile) = (CUBE_POS / num_tiles, CUBE_POS % num_tiles);
    let (column, lane) = (tile * columns + unit % columns, unit / columns);
    let next = (chunk + 1) * CHUNK;
    let mut sum = 0.0f32;
    let mut is_joined = false.runtime();
    if column < width && begins_and_goes_on(rows, chunk) {
        is_joined = true.runtime();
        let row = rows[next];
        let mut other = chunk + 1 + lane;
        let mut is_of_run = is_at(rows, other * CHUNK, row);
        while is_of_run {
            sum += heads[other * width + column];
            other += lanes;
            is_of_run = is_at(rows, other * CHUNK, row);
        }
    }
    let mut sums = Shared::<[f32]>::new_slice(units);
    sums[unit] = sum;
    sync_cube();
    if is_joined && lane == 0 {
        let mut sum = tails[chunk * width + column];
        for other in 0..lanes {
            sum += sums[other * columns + unit];
        }
        table[rows[next] as usize * width + column] = F::cast_from(sum);
    }
}

/// Whether the last run of a chunk begins in it and goes on into the next.
#[cube]
fn begins_and_goes_on(rows: &[u32], chunk: usize) -> bool {
    let start = chunk * CHUNK;
    let mut does = goes_on_at(rows, start + CHUNK);
    if does && goes_on_at(rows, start) {
        does = rows[start] != rows[start + CHUNK];
    }
    does
}

/// Whether the run of the token before a place goes on there.
#[cube]
fn goes_on_at(rows: &[u32], place: usize) -> bool {
    let mut goes_on = false.runtime();
    if place > 0 && place < rows.len() {
        goes_on = rows[place] == rows[place - 1];
    }
    goes_on
}

/// Whether a place is of a row.
#[cube]
fn is_at(rows: &[u32], place: usize, row: u32) -> bool {
    let mut is = false.runtime();
    if place < rows.len() {
        is = rows[place] == row;
    }
    is
}
