use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::activation::{self, Function};

/// Rows of a block at most, so that what is between the products stays in a thread's cache.
const MOST_ROWS: usize = 256;

/// An affine map.
pub struct Map<'a> {
    pub weight: MatRef<'a, f32>,
    pub bias: &'a [f32],
}

/// Of a matrix, row by row.
pub fn feed_forward(input: MatRef<'_, f32>, maps: [Map<'_>; 2], function: Function) -> Vec<f32> {
    let [inward, outward] = &maps;
    let (num_rows, width) = (input.nrows(), outward.bias.len());
    let mut output = outward.bias.repeat(num_rows);
    let of_a_thread = num_rows.div_ceil(rayon::current_num_threads());
    let num_blocks = of_a_thread.div_ceil(MOST_ROWS);
    let rows = of_a_thread.div_ceil(num_blocks);
    let blocks = output.par_chunks_mut(rows * width).enumerate();
    blocks.for_each(|(block, output)| {
        let num_rows = output.len() / width;
        let input = input.subrows(block * rows, num_rows);
        let mut hidden = inward.bias.repeat(num_rows);
        add_product(&mut hidden, input, inward.weight);
        activation::in_place(&mut hidden, function);
        let hidden = MatRef::from_row_major_slice(&hidden, num_rows, inward.bias.len());
        add_product(output, hidden, outward.weight);
    });
    output
}

fn add_product(output: &mut [f32], left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    let output = MatMut::from_row_major_slice_mut(output, left.nrows(), right.ncols());
    matmul(output, Accum::Add, left, right, 1.0, Par::Seq);
}
