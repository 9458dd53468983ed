use burn::backend::tensor::FloatTensor;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::few_rows;
use crate::host::Host;

/// Multiply-adds of a part at least.
const LEAST_WORK: usize = 1 << 20;
/// Parts for each thread, so that none is idle for long while another finishes.
const PARTS_OF_A_THREAD: usize = 2;

/// `input weight + bias`, of matrices as [`Host::visible_matrix`] gives them.
pub fn forward<B: Host>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
) -> FloatTensor<B> {
    let (input, weight, bias) = (B::view(input), B::view(weight), B::view(bias));
    let shape = [input.shape[0], weight.shape[1]];
    let mut output = bias.elements[..shape[1]].repeat(shape[0]);
    match shape[0] <= few_rows::MOST_ROWS {
        true => few_rows::add_product(&mut output, &input, &weight),
        false => add_product(&mut output, shape, input.whole(), weight.whole()),
    }
    B::tensor(output, &shape)
}

/// `left right`.
pub fn product<B: Host>(left: MatRef<'_, f32>, right: MatRef<'_, f32>) -> FloatTensor<B> {
    let shape = [left.nrows(), right.ncols()];
    let mut output = vec![0.0; shape[0] * shape[1]];
    add_product(&mut output, shape, left, right);
    B::tensor(output, &shape)
}

/// The sum of the rows.
pub fn sum_of_rows<B: Host>(matrix: MatRef<'_, f32>) -> FloatTensor<B> {
    let mut sum = vec![0.0; matrix.ncols()];
    for row in matrix.row_iter() {
        for (sum, element) in sum.iter_mut().zip(row.iter()) {
            *sum += element;
        }
    }
    let shape = [sum.len()];
    B::tensor(sum, &shape)
}

/// Adds `left right` to the output, `[rows, columns]`.
pub fn add_product(
    output: &mut [f32],
    [rows, columns]: [usize; 2],
    left: MatRef<'_, f32>,
    right: MatRef<'_, f32>,
) {
    let work = rows * columns * left.ncols();
    let num_parts = (work / LEAST_WORK).clamp(1, PARTS_OF_A_THREAD * rayon::current_num_threads());
    let output = MatMut::from_row_major_slice_mut(output, rows, columns);
    add_parts(output, left, right, num_parts);
}

/// Halves the longer side until each part is one thread's. Threads that share a product wait for each other again and
/// again, which takes long where another process has one of the cores.
fn add_parts(
    output: MatMut<'_, f32>,
    left: MatRef<'_, f32>,
    right: MatRef<'_, f32>,
    num_parts: usize,
) {
    if num_parts == 1 {
        return matmul(output, Accum::Add, left, right, 1.0, Par::Seq);
    }
    let (first_parts, (rows, columns)) = (num_parts / 2, (output.nrows(), output.ncols()));
    let share = |length: usize| length * first_parts / num_parts;
    let other_parts = num_parts - first_parts;
    if rows >= columns {
        let (top, bottom) = output.split_at_row_mut(share(rows));
        let (above, below) = left.split_at_row(share(rows));
        rayon::join(
            || add_parts(top, above, right, first_parts),
            || add_parts(bottom, below, right, other_parts),
        );
    } else {
        let (beginning, end) = output.split_at_col_mut(share(columns));
        let (before, after) = right.split_at_col(share(columns));
        rayon::join(
            || add_parts(beginning, left, before, first_parts),
            || add_parts(end, left, after, other_parts),
        );
    }
}
