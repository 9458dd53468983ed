//! A cube for each query, and for the bias a unit for each of its elements: all sums have one order.

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use super::softmax::ScoreSettings;
use crate::cube::{ElementLaunch, RowLaunch, address_type, empty_beside, sum_of_units};

/// What the gradients follow from.
pub struct Known {
    /// `[batch, heads, target, source]`, the gradient of the products in the same shape.
    pub of_products: CubeTensor,
    weights: CubeTensor,
    /// The gradient of the weights.
    from_above: CubeTensor,
    /// Of each query the mean of that gradient by the weights, in f32.
    means: CubeTensor,
    settings: ScoreSettings,
}

impl Known {
    /// From the weights and their gradient.
    pub fn new(weights: CubeTensor, from_above: CubeTensor, settings: ScoreSettings) -> Self {
        let from_above = into_contiguous(from_above);
        let shape = weights.shape();
        let (rows, source) = (shape[0] * shape[1] * shape[2], shape[3]);
        let of_products = empty_beside(&weights, shape, weights.dtype);
        let means = empty_beside(&weights, [rows], DType::F32);
        let launch = RowLaunch::new(&weights.client, rows, source);
        products_kernel::launch(
            &weights.client,
            launch.count,
            launch.dim,
            address_type([&weights]),
            weights.clone().into_tensor_arg(),
            from_above.clone().into_tensor_arg(),
            of_products.clone().into_tensor_arg(),
            means.clone().into_tensor_arg(),
            settings.scale,
            launch.units,
            dtype_to_storage_type(weights.dtype),
        );
        Self {
            of_products,
            weights,
            from_above,
            means,
            settings,
        }
    }

    /// The gradient of the bias in its shape.
    pub fn of_bias(&self, shape: &Shape) -> CubeTensor {
        let batch = self.weights.shape()[0];
        // A bias for each query has places enough for all units; else the rows of the batch are summed apart first.
        let parts = match shape[2] {
            1 => batch,
            _ => shape[0],
        };
        let sums = empty_beside(
            &self.weights,
            [parts, shape[1], shape[2], shape[3]],
            DType::F32,
        );
        let client = &self.weights.client;
        let launch = ElementLaunch::new(client, sums.shape().num_elements());
        bias_kernel::launch(
            client,
            launch.count,
            launch.dim,
            address_type([&self.weights]),
            self.weights.clone().into_tensor_arg(),
            self.from_above.clone().into_tensor_arg(),
            self.means.clone().into_tensor_arg(),
            sums.clone().into_tensor_arg(),
            self.settings.is_by_distance,
            dtype_to_storage_type(self.weights.dtype),
        );
        match parts == shape[0] {
            true => sums,
            false => CubeBackend::float_sum_dim(sums, 0),
        }
    }
}

#[cube(launch, address_type = "dynamic")]
fn products_kernel<F: Float>(
    weights: &Tensor<F>,
    from_above: &Tensor<F>,
    of_products: &mut Tensor<F>,
    means: &mut Tensor<f32>,
    scale: f32,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let (row, source) = (CUBE_POS, weights.shape(3));
    if row >= means.shape(0) {
        terminate!();
    }
    let (unit, start) = (UNIT_POS as usize, row * source);
    // Rounded weights do not sum to 1; by their own sum the gradient of a row sums to 0 all the same.
    let mut total = 0.0f32;
    let mut sum = 0.0f32;
    let mut key = unit;
    while key < source {
        let weight = f32::cast_from(weights[start + key]);
        total += weight;
        sum += weight * f32::cast_from(from_above[start + key]);
        key += units;
    }
    let mean = sum_of_units(sum, units) / sum_of_units(total, units);
    if unit == 0 {
        means[row] = mean;
    }
    let mut key = unit;
    while key < source {
        let from_above = f32::cast_from(from_above[start + key]);
        let of_score = f32::cast_from(weights[start + key]) * (from_above - mean);
        of_products[start + key] = F::cast_from(scale * of_score);
        key += units;
    }
}

/// The sum over all scores that a place of the bias was added to. It has as many rows of the batch as it is to have.
#[cube(launch, address_type = "dynamic")]
fn bias_kernel<F: Float>(
    weights: &Tensor<F>,
    from_above: &Tensor<F>,
    means: &Tensor<f32>,
    of_bias: &mut Tensor<f32>,
    #[comptime] is_by_distance: bool,
    #[define(F)] _dtype: ElemType,
) {
    let (heads, target, source) = (weights.shape(1), weights.shape(2), weights.shape(3));
    let (bias_heads, rows, width) = (of_bias.shape(1), of_bias.shape(2), of_bias.shape(3));
    let place = ABSOLUTE_POS;
    if place >= of_bias.shape(0) * bias_heads * rows * width {
        terminate!();
    }
    let column = place % width;
    let mut sum = 0.0f32;
    let mut batch = place / width / rows / bias_heads;
    while batch < weights.shape(0) {
        let mut head = place / width / rows % bias_heads;
        while head < heads {
            let mut query = place / width % rows;
            while query < target {
                let row = (batch * heads + head) * target + query;
                let mut key = column;
                let mut step = width;
                if comptime!(is_by_distance) {
                    // The one key at this distance, if there is: the bias of a query starts at `target - 1 - query`.
                    let first = target - 1 - query;
                    let is_there = column >= first && column < first + source;
                    key = select(is_there, column - first, source);
                    step = source;
                }
                while key < source {
                    let place = row * source + key;
                    let from_above = f32::cast_from(from_above[place]);
                    sum += f32::cast_from(weights[place]) * (from_above - means[row]);
                    key += step;
                }
                query += rows;
            }
            head += bias_heads;
        }
        batch += of_bias.shape(0);
    }
    of_bias[place] = sum;
}
