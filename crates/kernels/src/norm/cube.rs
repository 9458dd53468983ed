//! A cube for each row, whose units take vectors of it; the sums over rows go through those of blocks of rows.

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use super::{NormForm, NormSettings, Normed};
use crate::cube::rows::sum_of_rows;
use crate::cube::{
    ElementLaunch, RowLaunch, address_type, assert_f32, empty_beside, sum_of_units, vector_width,
};

/// Rows whose share of the gradients of gamma and beta one unit adds up.
const ROWS_OF_BLOCK: usize = 64;

impl NormForm for CubeBackend {
    /// Mean and factor of each row, `[rows, 2]`.
    type Moments = CubeTensor;

    fn forward(
        input: CubeTensor,
        gamma: CubeTensor,
        beta: CubeTensor,
        has_beta: bool,
        settings: NormSettings,
    ) -> (CubeTensor, Normed<Self>) {
        assert_f32("gamma", &gamma);
        assert_f32("beta", &beta);
        let [input, gamma, beta] = [input, gamma, beta].map(into_contiguous);
        let [rows, width] = [input.shape()[0], input.shape()[1]];
        let output = empty_beside(&input, [rows, width], input.dtype);
        let moments = empty_beside(&input, [rows, 2], DType::F32);
        let vector = vector_width(&input.client, DType::F32, width);
        let launch = RowLaunch::new(&input.client, rows, width / vector);
        forward_kernel::launch(
            &input.client,
            launch.count,
            launch.dim,
            address_type([&input]),
            vector,
            input.clone().into_buffer_arg(),
            gamma.clone().into_buffer_arg(),
            beta.into_buffer_arg(),
            output.clone().into_buffer_arg(),
            moments.clone().into_buffer_arg(),
            rows,
            width / vector,
            settings.epsilon as f32,
            has_beta,
            settings.is_centered,
            launch.units,
            dtype_to_storage_type(input.dtype),
        );
        let is_centered = settings.is_centered;
        let normed = Normed {
            input,
            gamma,
            moments,
            is_centered,
        };
        (output, normed)
    }

    fn backward(
        normed: Normed<Self>,
        from_above: CubeTensor,
        wants_beta: bool,
    ) -> [Option<CubeTensor>; 3] {
        let from_above = into_contiguous(from_above);
        let of_input = of_input(&normed, &from_above);
        let [of_gamma, of_beta] = of_parameters(normed, from_above);
        let of_beta = wants_beta.then(|| sum_of_rows(of_beta, DType::F32));
        [
            Some(of_input),
            Some(sum_of_rows(of_gamma, DType::F32)),
            of_beta,
        ]
    }
}

fn of_input(normed: &Normed<CubeBackend>, from_above: &CubeTensor) -> CubeTensor {
    let input = &normed.input;
    let [rows, width] = [input.shape()[0], input.shape()[1]];
    let of_input = empty_beside(input, [rows, width], input.dtype);
    let vector = vector_width(&input.client, DType::F32, width);
    let launch = RowLaunch::new(&input.client, rows, width / vector);
    input_kernel::launch(
        &input.client,
        launch.count,
        launch.dim,
        address_type([input]),
        vector,
        input.clone().into_buffer_arg(),
        normed.gamma.clone().into_buffer_arg(),
        normed.moments.clone().into_buffer_arg(),
        from_above.clone().into_buffer_arg(),
        of_input.clone().into_buffer_arg(),
        rows,
        width / vector,
        normed.is_centered,
        launch.units,
        dtype_to_storage_type(input.dtype),
    );
    of_input
}

/// The gradients of gamma and beta over each block of rows, `[blocks, width]`.
fn of_parameters(normed: Normed<CubeBackend>, from_above: CubeTensor) -> [CubeTensor; 2] {
    let input = normed.input;
    let [rows, width] = [input.shape()[0], input.shape()[1]];
    let blocks = rows.div_ceil(ROWS_OF_BLOCK);
    let sums = || empty_beside(&input, [blocks, width], DType::F32);
    let (of_gamma, of_beta) = (sums(), sums());
    let client = input.client.clone();
    // A unit for each column of each block.
    let launch = ElementLaunch::new(&client, blocks * width);
    parameters_kernel::launch(
        &client,
        launch.count,
        launch.dim,
        address_type([&input]),
        input.clone().into_tensor_arg(),
        normed.moments.into_tensor_arg(),
        from_above.into_tensor_arg(),
        of_gamma.clone().into_tensor_arg(),
        of_beta.clone().into_tensor_arg(),
        ROWS_OF_BLOCK,
        dtype_to_storage_type(input.dtype),
    );
    [of_gamma, of_beta]
}

#[cube(launch, address_type = "dynamic")]
#[expect(
    clippy::too_many_arguments,
    reason = "a kernel's arguments lie side by side"
)]
fn forward_kernel<F: Float, N: Size>(
    input: &[Vector<F, N>],
    gamma: &[Vector<f32, N>],
    beta: &[Vector<f32, N>],
    output: &mut [Vector<F, N>],
    moments: &mut [f32],
    rows: usize,
    width: usize,
    epsilon: f32,
    #[comptime] has_beta: bool,
    #[comptime] is_centered: bool,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let row = CUBE_POS;
    if row >= rows {
        terminate!();
    }
    let (unit, start) = (UNIT_POS as usize, row * width);
    let mut mean = 0.0f32;
    if comptime!(is_centered) {
        mean = mean_of::<F, N>(input, start, width, units);
    }
    let variance = mean_square_of::<F, N>(input, start, width, mean, units);
    let factor = 1.0f32 / f32::sqrt(variance + epsilon);
    if unit == 0 {
        moments[2 * row] = mean;
        moments[2 * row + 1] = factor;
    }
    let mut column = unit;
    while column < width {
        let elements = input[start + column];
        let normed =
            (Vector::<f32, N>::cast_from(elements) - Vector::new(mean)) * Vector::new(factor);
        let mut scaled = normed * gamma[column];
        if comptime!(has_beta) {
            scaled += beta[column];
        }
        output[start + column] = Vector::cast_from(scaled);
        column += units;
    }
}

/// Of the row that starts at a place.
#[cube]
fn mean_of<F: Float, N: Size>(
    input: &[Vector<F, N>],
    start: usize,
    width: usize,
    #[comptime] units: usize,
) -> f32 {
    let mut sums = Vector::<f32, N>::zeroed();
    let mut column = UNIT_POS as usize;
    while column < width {
        sums += Vector::cast_from(input[start + column]);
        column += units;
    }
    mean_of_units::<N>(sums, width, units)
}

/// Of what the row differs by from its mean.
#[cube]
fn mean_square_of<F: Float, N: Size>(
    input: &[Vector<F, N>],
    start: usize,
    width: usize,
    mean: f32,
    #[comptime] units: usize,
) -> f32 {
    let mut sums = Vector::<f32, N>::zeroed();
    let mut column = UNIT_POS as usize;
    while column < width {
        let elements = Vector::<f32, N>::cast_from(input[start + column]) - Vector::new(mean);
        sums += elements * elements;
        column += units;
    }
    mean_of_units::<N>(sums, width, units)
}

/// The sum of the sums of all units over the elements of a row of so many vectors.
#[cube]
fn mean_of_units<N: Size>(sums: Vector<f32, N>, width: usize, #[comptime] units: usize) -> f32 {
    let mut sum = 0.0f32;
    #[unroll]
    for lane in 0..sums.vector_size() {
        sum += sums.extract(lane);
    }
    sum_of_units(sum, units) / f32::cast_from(width * sums.vector_size())
}

/// `factor * (g - mean(g) - normed * mean(g * normed))`, where g is the gradient of the normed row.
#[cube(launch, address_type = "dynamic")]
#[expect(
    clippy::too_many_arguments,
    reason = "a kernel's arguments lie side by side"
)]
fn input_kernel<F: Float, N: Size>(
    input: &[Vector<F, N>],
    gamma: &[Vector<f32, N>],
    moments: &[f32],
    from_above: &[Vector<F, N>],
    of_input: &mut [Vector<F, N>],
    rows: usize,
    width: usize,
    #[comptime] is_centered: bool,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let row = CUBE_POS;
    if row >= rows {
        terminate!();
    }
    let (unit, start) = (UNIT_POS as usize, row * width);
    let mean = Vector::<f32, N>::new(moments[2 * row]);
    let factor = Vector::<f32, N>::new(moments[2 * row + 1]);
    let mut sums = Vector::<f32, N>::zeroed();
    let mut products = Vector::<f32, N>::zeroed();
    let mut column = unit;
    while column < width {
        let gradient = Vector::<f32, N>::cast_from(from_above[start + column]) * gamma[column];
        let normed = (Vector::<f32, N>::cast_from(input[start + column]) - mean) * factor;
        sums += gradient;
        products += gradient * normed;
        column += units;
    }
    let slope = Vector::<f32, N>::new(mean_of_units::<N>(products, width, units));
    let mut mean_gradient = 0.0f32;
    if comptime!(is_centered) {
        mean_gradient = mean_of_units::<N>(sums, width, units);
    }
    let mean_gradient = Vector::<f32, N>::new(mean_gradient);
    let mut column = unit;
    while column < width {
        let gradient = Vector::<f32, N>::cast_from(from_above[start + column]) * gamma[column];
        let normed = (Vector::<f32, N>::cast_from(input[start + column]) - mean) * factor;
        let of_elements = (gradient - mean_gradient - normed * slope) * factor;
        of_input[start + column] = Vector::cast_from(of_elements);
        column += units;
    }
}

/// The sums for gamma and beta over each block of rows, `[blocks, width]`.
#[cube(launch, address_type = "dynamic")]
fn parameters_kernel<F: Float>(
    input: &Tensor<F>,
    moments: &Tensor<f32>,
    from_above: &Tensor<F>,
    gamma_sums: &mut Tensor<f32>,
    beta_sums: &mut Tensor<f32>,
    #[comptime] rows_of_block: usize,
    #[define(F)] _dtype: ElemType,
) {
    let (blocks, width) = (gamma_sums.shape(0), gamma_sums.shape(1));
    let place = ABSOLUTE_POS;
    if place >= blocks * width {
        terminate!();
    }
    let (block, column) = (place / width, place % width);
    let mut of_gamma = 0.0f32;
    let mut of_beta = 0.0f32;
    let mut row = block * rows_of_block;
    let end = min(row + rows_of_block, input.shape(0));
    while row < end {
        let gradient = f32::cast_from(from_above[row * width + column]);
        let element = f32::cast_from(input[row * width + column]);
        of_gamma += gradient * (element - moments[2 * row]) * moments[2 * row + 1];
        of_beta += gradient;
        row += 1;
    }
    gamma_sums[place] = of_gamma;
    beta_sums[place] = of_beta;
}
