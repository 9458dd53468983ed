//! Products of few rows, as decoding has them: they take as long as it takes to read the matrix.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::host::View;

/// More rows are for the general product.
pub const MOST_ROWS: usize = 16;
/// Elements of the matrix that a thread reads at least.
const LEAST_WORK: usize = 1 << 16;
/// Sums that are held at a time; they fit the second-level cache.
const SUMS: usize = 1 << 14;
/// Rows that are multiplied with a column at a time.
const GROUP: usize = 4;

/// Adds `left right` to the output, `[rows, columns]`, of matrices as [`crate::host::Host::visible_matrix`] gives them.
pub fn add_product(output: &mut [f32], left: &View<'_>, right: &View<'_>) {
    let ([inner, columns], rows) = ([right.shape[0], right.shape[1]], left.shape[0]);
    if rows * inner == 0 {
        return;
    }
    let left = dense_rows(left);
    // A thread reads what lies together: rows of the matrix, or columns.
    let length = if right.has_dense_rows() {
        inner
    } else {
        columns
    };
    let num_parts = (inner * columns / LEAST_WORK).clamp(1, rayon::current_num_threads());
    let share = length.div_ceil(num_parts).max(1);
    let compute = |part: usize| {
        let range = part * share..length.min((part + 1) * share);
        let part = Part {
            left: &left,
            rows,
            right,
            range,
        };
        Arch::new().dispatch(part)
    };
    let parts: Vec<Vec<f32>> = match length.div_ceil(share) {
        // Another thread would have to be woken first.
        1 => vec![compute(0)],
        num_parts => (0..num_parts).into_par_iter().map(compute).collect(),
    };
    if right.has_dense_rows() {
        for sums in &parts {
            output
                .iter_mut()
                .zip(sums)
                .for_each(|(out, sum)| *out += sum);
        }
        return;
    }
    for (row, output) in output.chunks_exact_mut(columns.max(1)).enumerate() {
        for (output, sums) in output.chunks_mut(share).zip(&parts) {
            let sums = &sums[row * output.len()..];
            output
                .iter_mut()
                .zip(sums)
                .for_each(|(out, sum)| *out += sum);
        }
    }
}

fn dense_rows(matrix: &View<'_>) -> Vec<f32> {
    let [rows, columns] = [matrix.shape[0], matrix.shape[1]];
    let place = |row, column| row * matrix.strides[0] + column * matrix.strides[1];
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| place(row, column)));
    places.map(|place| matrix.elements[place]).collect()
}

/// What a thread computes.
struct Part<'a> {
    /// Dense.
    left: &'a [f32],
    rows: usize,
    right: &'a View<'a>,
    /// Of the matrix's rows where they are dense, else of its columns.
    range: Range<usize>,
}

impl WithSimd for Part<'_> {
    /// Sums `[rows, columns]`.
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        match self.right.has_dense_rows() {
            true => self.by_rows(simd),
            false => self.by_columns(simd),
        }
    }
}

impl Part<'_> {
    /// Adds multiples of the matrix's rows.
    #[inline(always)]
    fn by_rows<S: Simd>(&self, simd: S) -> Vec<f32> {
        let [inner, width] = [self.right.shape[0], self.right.shape[1]];
        let mut sums = vec![0.0; self.rows * width];
        let block = (SUMS / self.rows).max(1);
        for start in (0..width).step_by(block) {
            let columns = start..width.min(start + block);
            for place in self.range.clone() {
                let row = &self.right.elements[place * self.right.strides[0]..][columns.clone()];
                let sums = sums.chunks_exact_mut(width);
                for (sums, left) in sums.zip(self.left.chunks_exact(inner)) {
                    add_multiple(simd, &mut sums[columns.clone()], left[place], row);
                }
            }
        }
        sums
    }

    /// Multiplies rows and columns.
    #[inline(always)]
    fn by_columns<S: Simd>(&self, simd: S) -> Vec<f32> {
        let (inner, width) = (self.right.shape[0], self.range.len());
        let mut sums = vec![0.0; self.rows * width];
        let groups = self.left.chunks(GROUP * inner).zip(0..);
        for (place, column) in self.range.clone().enumerate() {
            let column = &self.right.elements[column * self.right.strides[1]..][..inner];
            for (rows, group) in groups.clone() {
                let row = |of: usize| &rows[of * inner..(of + 1) * inner];
                let mut set = |of: usize, dot| sums[(group * GROUP + of) * width + place] = dot;
                match rows.len() / inner {
                    GROUP => {
                        let rows = [row(0), row(1), row(2), row(3)];
                        let dots = dots(simd, rows, column).into_iter().enumerate();
                        dots.for_each(|(of, dot)| set(of, dot));
                    }
                    rest => {
                        for of in 0..rest {
                            let [dot] = dots(simd, [row(of)], column);
                            set(of, dot);
                        }
                    }
                }
            }
        }
        sums
    }
}

/// `sums += factor * row`, of one length.
#[inline(always)]
fn add_multiple<S: Simd>(simd: S, sums: &mut [f32], factor: f32, row: &[f32]) {
    let spread = simd.splat_f32s(factor);
    let ((sums, rest), (row, rest_of_row)) = (S::as_mut_simd_f32s(sums), S::as_simd_f32s(row));
    for (sum, &element) in sums.iter_mut().zip(row) {
        *sum = simd.mul_add_f32s(spread, element, *sum);
    }
    for (sum, element) in rest.iter_mut().zip(rest_of_row) {
        *sum += factor * element;
    }
}

/// The sums of the products of each vector with `other`; all are of one length.
#[inline(always)]
fn dots<S: Simd, const N: usize>(simd: S, vectors: [&[f32]; N], other: &[f32]) -> [f32; N] {
    let (other, rest) = S::as_simd_f32s(other);
    let vectors = vectors.map(|vector| {
        let (body, rest_of_vector) = S::as_simd_f32s(vector);
        (&body[..other.len()], &rest_of_vector[..rest.len()])
    });
    let mut sums = [simd.splat_f32s(0.0); N];
    for place in 0..other.len() {
        for of in 0..N {
            sums[of] = simd.mul_add_f32s(vectors[of].0[place], other[place], sums[of]);
        }
    }
    std::array::from_fn(|of| {
        let rest = vectors[of].1.iter().zip(rest);
        let rest: f32 = rest.map(|(left, right)| left * right).sum();
        simd.reduce_sum_f32s(sums[of]) + rest
    })
}
