//! Products of few rows, as decoding has them: they take as long as it takes to read the matrix.

use std::ops::Range;
use std::slice::ChunksExact;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::host::View;

/// More rows are for the general product.
pub const MOST_ROWS: usize = 8;
/// Elements of the matrix that a thread reads at least.
const LEAST_WORK: usize = 1 << 16;
/// Sums that are held at a time; they fit the second-level cache.
const SUMS: usize = 1 << 14;
/// Rows that are multiplied with a column at a time.
const GROUP: usize = 4;

/// A matrix that is read column by column.
pub trait Columns: Sync {
    /// Rows and columns.
    fn shape(&self) -> [usize; 2];

    /// A column; the buffer is as long, for elements that are not there as f32.
    fn column<'a>(&'a self, place: usize, buffer: &'a mut [f32]) -> &'a [f32];
}

/// Of a matrix whose columns are dense.
impl Columns for View<'_> {
    fn shape(&self) -> [usize; 2] {
        [self.shape[0], self.shape[1]]
    }

    #[inline(always)]
    fn column<'a>(&'a self, place: usize, _: &'a mut [f32]) -> &'a [f32] {
        &self.elements[place * self.strides[1]..][..self.shape[0]]
    }
}

/// Adds `left right` to the output, `[rows, columns]`, of matrices as [`crate::host::Host::visible_matrix`] gives them.
pub fn add_product(output: &mut [f32], left: &View<'_>, right: &View<'_>) {
    match right.has_dense_rows() {
        true => add_product_by_rows(output, left, right),
        false => add_product_by_columns(output, left, right),
    }
}

fn add_product_by_rows(output: &mut [f32], left: &View<'_>, right: &View<'_>) {
    let [inner, columns] = right.shape();
    let left = dense_rows(left);
    let parts = in_parts(inner, columns, |places| {
        Arch::new().dispatch(ByRows {
            left: &left,
            right,
            places,
        })
    });
    for sums in parts {
        (output.iter_mut().zip(sums)).for_each(|(out, sum)| *out += sum);
    }
}

/// The same for any matrix that has columns.
pub fn add_product_by_columns<C: Columns>(output: &mut [f32], left: &View<'_>, right: &C) {
    let [inner, num_columns] = right.shape();
    let left = dense_rows(left);
    let parts = in_parts(num_columns, inner, |columns| {
        Arch::new().dispatch(ByColumns {
            left: &left,
            right,
            columns,
        })
    });
    let mut first = 0;
    for sums in parts {
        let width = sums.len() / left.num_rows().max(1);
        let rows = output.chunks_exact_mut(num_columns.max(1));
        for (output, sums) in rows.zip(sums.chunks_exact(width.max(1))) {
            let output = output[first..].iter_mut();
            output.zip(sums).for_each(|(out, sum)| *out += sum);
        }
        first += width;
    }
}

/// Rows that lie together.
struct DenseRows {
    elements: Vec<f32>,
    width: usize,
}

impl DenseRows {
    fn num_rows(&self) -> usize {
        self.elements.len() / self.width.max(1)
    }

    fn iter(&self) -> ChunksExact<'_, f32> {
        self.elements.chunks_exact(self.width.max(1))
    }
}

fn dense_rows(matrix: &View<'_>) -> DenseRows {
    let [rows, width] = matrix.shape();
    let place = |row, column| row * matrix.strides[0] + column * matrix.strides[1];
    let places = (0..rows).flat_map(|row| (0..width).map(move |column| place(row, column)));
    DenseRows {
        elements: places.map(|place| matrix.elements[place]).collect(),
        width,
    }
}

/// What `compute` makes of the ranges of `0..length`, as many as there are threads; each place costs as much as `width`
/// elements of a matrix.
fn in_parts(
    length: usize,
    width: usize,
    compute: impl Fn(Range<usize>) -> Vec<f32> + Sync,
) -> Vec<Vec<f32>> {
    let num_parts = (length * width / LEAST_WORK).clamp(1, rayon::current_num_threads());
    let share = length.div_ceil(num_parts).max(1);
    let part = |number: usize| compute(number * share..length.min((number + 1) * share));
    match length.div_ceil(share) {
        // Another thread would have to be woken first.
        1 => vec![part(0)],
        num_parts => (0..num_parts).into_par_iter().map(part).collect(),
    }
}

/// Adds multiples of some of the matrix's rows, which are dense.
struct ByRows<'a> {
    left: &'a DenseRows,
    right: &'a View<'a>,
    places: Range<usize>,
}

impl WithSimd for ByRows<'_> {
    /// Sums `[rows, columns]`.
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let (num_rows, [_, width]) = (self.left.num_rows(), self.right.shape());
        let mut sums = vec![0.0; num_rows * width];
        let block = (SUMS / num_rows.max(1)).max(1);
        for start in (0..width).step_by(block) {
            let columns = start..width.min(start + block);
            for place in self.places.clone() {
                let row = &self.right.elements[place * self.right.strides[0]..][columns.clone()];
                for (sums, left) in sums.chunks_exact_mut(width).zip(self.left.iter()) {
                    add_multiple(simd, &mut sums[columns.clone()], left[place], row);
                }
            }
        }
        sums
    }
}

/// Multiplies with some of the matrix's columns.
struct ByColumns<'a, C> {
    left: &'a DenseRows,
    right: &'a C,
    columns: Range<usize>,
}

impl<C: Columns> WithSimd for ByColumns<'_, C> {
    /// Sums `[rows, columns]`.
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let (inner, width) = (self.left.width, self.columns.len());
        let mut sums = vec![0.0; self.left.num_rows() * width];
        let mut buffer = vec![0.0; inner];
        for (place, column) in self.columns.clone().enumerate() {
            let column = self.right.column(column, &mut buffer);
            let mut sums = sums.iter_mut().skip(place).step_by(width);
            let mut groups = self.left.elements.chunks_exact(GROUP * inner.max(1));
            for rows in &mut groups {
                let row = |of: usize| &rows[of * inner..(of + 1) * inner];
                let rows = [row(0), row(1), row(2), row(3)];
                let dots = dots(simd, rows, column);
                for (dot, sum) in dots.into_iter().zip(sums.by_ref()) {
                    *sum = dot;
                }
            }
            for (row, sum) in groups.remainder().chunks_exact(inner.max(1)).zip(sums) {
                *sum = dot(simd, row, column);
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
#[expect(
    clippy::needless_range_loop,
    reason = "only so does the compiler see that no access needs a check"
)]
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

/// The sum of the products, in several sums, so that no addition waits for the one before.
#[inline(always)]
fn dot<S: Simd>(simd: S, left: &[f32], right: &[f32]) -> f32 {
    let ((left, left_rest), (right, right_rest)) = (S::as_simd_f32s(left), S::as_simd_f32s(right));
    let (lefts, left) = left.as_chunks::<GROUP>();
    let (rights, right) = right.as_chunks::<GROUP>();
    let mut sums = [simd.splat_f32s(0.0); GROUP];
    for (left, right) in lefts.iter().zip(rights) {
        for part in 0..GROUP {
            sums[part] = simd.mul_add_f32s(left[part], right[part], sums[part]);
        }
    }
    let [a, b, c, d] = sums;
    let mut sum = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
    for (&left, &right) in left.iter().zip(right) {
        sum = simd.mul_add_f32s(left, right, sum);
    }
    let rest = left_rest.iter().zip(right_rest);
    let rest: f32 = rest.map(|(left, right)| left * right).sum();
    simd.reduce_sum_f32s(sum) + rest
}
