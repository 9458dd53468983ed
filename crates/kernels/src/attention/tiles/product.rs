//! Products of matrices that lie in the memory of a cube.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::cmma::{self, Matrix, MatrixIdent, MatrixLayout};
use burn_cubecl::cubecl::prelude::*;

use super::plan::FRAGMENT;

/// Rows, and columns, of the result that a unit has at a time.
const BLOCK: usize = 4;

/// A factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operand {
    /// From one row in memory to the next.
    stride: usize,
    /// Whether the rows in memory are the columns of the factor.
    is_transposed: bool,
}

impl Operand {
    /// A matrix that lies by rows, or by columns if it is transposed.
    pub fn new(stride: usize, is_transposed: bool) -> Self {
        Self {
            stride,
            is_transposed,
        }
    }

    fn layout(self) -> MatrixLayout {
        match self.is_transposed {
            true => MatrixLayout::ColMajor,
            false => MatrixLayout::RowMajor,
        }
    }
}

/// `[rows, inner] [inner, columns]`, all three multiples of [`FRAGMENT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Product {
    pub rows: usize,
    pub columns: usize,
    pub inner: usize,
    pub left: Operand,
    pub right: Operand,
    /// From one row of the result to the next.
    pub result_stride: usize,
    /// Whether the product is added to what the result holds.
    pub adds: bool,
    /// Units of the cube.
    pub units: usize,
    /// Units of a plane where tensor cores multiply.
    pub plane: Option<usize>,
}

/// Writes the product into the result, in f32. The cube has to wait before anybody reads it.
#[cube]
pub fn multiply<F: Float>(
    left: &Shared<[F]>,
    right: &Shared<[F]>,
    result: &mut Shared<[f32]>,
    #[comptime] product: Product,
) {
    if comptime!(product.plane.is_some()) {
        by_planes::<F>(left, right, result, product);
    } else {
        by_units::<F>(left, right, result, product);
    }
}

/// On tensor cores, a plane for each fragment of the result.
#[cube]
fn by_planes<F: Float>(
    left: &Shared<[F]>,
    right: &Shared<[F]>,
    result: &mut Shared<[f32]>,
    #[comptime] product: Product,
) {
    let plane = comptime!(product.plane.unwrap_or(1));
    let across = comptime!(product.columns / FRAGMENT);
    let fragments = comptime!(product.rows / FRAGMENT * (product.columns / FRAGMENT));
    let stride = comptime!(product.result_stride as u32);
    let mut fragment = UNIT_POS as usize / plane;
    while fragment < fragments {
        let (row, column) = (fragment / across * FRAGMENT, fragment % across * FRAGMENT);
        let place = row * comptime!(product.result_stride) + column;
        let layout = MatrixLayout::Undefined;
        let ident = MatrixIdent::Accumulator;
        let mut sum = Matrix::<f32>::from_value(ident, FRAGMENT, FRAGMENT, FRAGMENT, layout, 0.0);
        if comptime!(product.adds) {
            let old = &result[place..];
            cmma::load_with_layout(&mut sum, old, stride, MatrixLayout::RowMajor);
        }
        #[unroll]
        for step in 0..comptime!(product.inner / FRAGMENT) {
            let inner = step * FRAGMENT;
            let left = fragment_of::<F>(left, row, inner, MatrixIdent::A, product.left);
            let right = fragment_of::<F>(right, inner, column, MatrixIdent::B, product.right);
            cmma::execute(&left, &right, &sum, &sum);
        }
        let new = &mut result[place..];
        cmma::store(new, &sum, stride, MatrixLayout::RowMajor);
        fragment += comptime!(product.units / plane);
    }
}

/// A fragment of a factor from this row and column on.
#[cube]
fn fragment_of<F: Float>(
    matrix: &Shared<[F]>,
    row: usize,
    column: usize,
    #[comptime] ident: MatrixIdent,
    #[comptime] operand: Operand,
) -> Matrix<F> {
    let place = place_of(row, column, operand);
    Matrix::<F>::from_slice(
        ident,
        FRAGMENT,
        FRAGMENT,
        FRAGMENT,
        comptime!(operand.layout()),
        &matrix[place..],
        comptime!(operand.stride as u32),
    )
}

/// A unit for each block of the result.
#[cube]
fn by_units<F: Float>(
    left: &Shared<[F]>,
    right: &Shared<[F]>,
    result: &mut Shared<[f32]>,
    #[comptime] product: Product,
) {
    // The columns of a block lie apart, those of neighbouring units side by side.
    let across = comptime!(product.columns / BLOCK);
    let blocks = comptime!(product.rows / BLOCK * (product.columns / BLOCK));
    let mut block = UNIT_POS as usize;
    while block < blocks {
        let (row, column) = (block / across * BLOCK, block % across);
        let start = row * comptime!(product.result_stride) + column;
        let mut sums = Array::<f32>::new(comptime!(BLOCK * BLOCK));
        #[unroll]
        for place in 0..comptime!(BLOCK * BLOCK) {
            sums[place] = 0.0f32;
            if comptime!(product.adds) {
                sums[place] = result[start + place_in(place, product)];
            }
        }
        for inner in 0..comptime!(product.inner).runtime() {
            add_outer_product::<F>(left, right, &mut sums, row, column, inner, product);
        }
        #[unroll]
        for place in 0..comptime!(BLOCK * BLOCK) {
            result[start + place_in(place, product)] = sums[place];
        }
        block += comptime!(product.units);
    }
}

/// Adds the products of one column of the left factor and one row of the right one.
#[cube]
fn add_outer_product<F: Float>(
    left: &Shared<[F]>,
    right: &Shared<[F]>,
    sums: &mut Array<f32>,
    row: usize,
    column: usize,
    inner: usize,
    #[comptime] product: Product,
) {
    let mut of_right = Array::<f32>::new(BLOCK);
    #[unroll]
    for j in 0..BLOCK {
        let column = column + comptime!(j * (product.columns / BLOCK));
        of_right[j] = f32::cast_from(right[place_of(inner, column, product.right)]);
    }
    #[unroll]
    for i in 0..BLOCK {
        let of_left = f32::cast_from(left[place_of(row + i, inner, product.left)]);
        #[unroll]
        for j in 0..BLOCK {
            sums[comptime!(i * BLOCK + j)] += of_left * of_right[j];
        }
    }
}

/// Where an element of a factor lies.
#[cube]
fn place_of(row: usize, column: usize, #[comptime] operand: Operand) -> usize {
    if comptime!(operand.is_transposed) {
        column * comptime!(operand.stride) + row
    } else {
        row * comptime!(operand.stride) + column
    }
}

/// Where an element of a block lies from its first on.
#[cube]
fn place_in(#[comptime] place: usize, #[comptime] product: Product) -> usize {
    comptime! {
        let (row, column) = (place / BLOCK, place % BLOCK);
        row * product.result_stride + column * (product.columns / BLOCK)
    }
    .runtime()
}
