//! A cube for each query.

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Shape;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use super::MASKED_SCORE;
use super::softmax::ScoreSettings;
use crate::cube::{
    RowLaunch, address_type, assert_f32, empty_beside, highest_of_units, sum_of_units,
};

/// As [`super::softmax::SoftmaxOps::softmax`].
pub fn softmax(
    products: CubeTensor,
    bias: CubeTensor,
    mask: CubeTensor,
    settings: ScoreSettings,
) -> CubeTensor {
    assert_f32("bias", &bias);
    assert_f32("mask", &mask);
    let products = into_contiguous(products);
    let shape = products.shape();
    let [batch, heads, target, source] = [shape[0], shape[1], shape[2], shape[3]];
    let bias_shape = match settings.is_by_distance {
        true => Shape::new([batch, heads, 1, bias.shape()[3]]),
        false => shape.clone(),
    };
    // What is broadcast is not copied: its strides are 0.
    let bias = CubeBackend::float_expand(bias, bias_shape);
    let mask = CubeBackend::float_expand(mask, shape.clone());
    let (client, dtype) = (products.client.clone(), products.dtype);
    let weights = empty_beside(&products, shape, dtype);
    let launch = RowLaunch::new(&client, batch * heads * target, source);
    softmax_kernel::launch(
        &client,
        launch.count,
        launch.dim,
        address_type([&products, &bias, &mask]),
        products.into_tensor_arg(),
        bias.into_tensor_arg(),
        mask.into_tensor_arg(),
        weights.clone().into_tensor_arg(),
        settings.scale,
        settings.is_by_distance,
        launch.units,
        dtype_to_storage_type(dtype),
    );
    weights
}

#[cube(launch, address_type = "dynamic")]
#[expect(
    clippy::too_many_arguments,
    reason = "a kernel's arguments lie side by side"
)]
fn softmax_kernel<F: Float>(
    products: &Tensor<F>,
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    weights: &mut Tensor<F>,
    scale: f32,
    #[comptime] is_by_distance: bool,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let (row, source) = (CUBE_POS, products.shape(3));
    if row >= products.shape(0) * products.shape(1) * products.shape(2) {
        terminate!();
    }
    let starts = starts_of::<F>(products, bias, mask, row, is_by_distance);
    // Of the keys of this unit the highest score, and the sum of exponentials, each less by it.
    let mut highest = f32::min_value();
    let mut sum = 0.0f32;
    let mut key = UNIT_POS as usize;
    while key < source {
        let score = score_of::<F>(products, bias, mask, &starts, key, scale);
        let higher = max(highest, score);
        sum = sum * f32::exp(highest - higher) + f32::exp(score - higher);
        highest = higher;
        key += units;
    }
    let highest_score = highest_of_units(highest, units);
    let factor = 1.0f32 / sum_of_units(sum * f32::exp(highest - highest_score), units);
    let mut key = UNIT_POS as usize;
    while key < source {
        let score = score_of::<F>(products, bias, mask, &starts, key, scale);
        weights[starts.products + key] = F::cast_from(f32::exp(score - highest_score) * factor);
        key += units;
    }
}

/// Where what belongs to a query starts.
#[derive(CubeType)]
struct Starts {
    products: usize,
    bias: usize,
    mask: usize,
}

#[cube]
fn starts_of<F: Float>(
    products: &Tensor<F>,
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    row: usize,
    #[comptime] is_by_distance: bool,
) -> Starts {
    let (heads, target, source) = (products.shape(1), products.shape(2), products.shape(3));
    let (batch, head, query) = (row / target / heads, row / target % heads, row % target);
    let mut of_bias = batch * bias.stride(0) + head * bias.stride(1);
    if comptime!(is_by_distance) {
        of_bias += (target - 1 - query) * bias.stride(3);
    } else {
        of_bias += query * bias.stride(2);
    }
    Starts {
        products: row * source,
        bias: of_bias,
        mask: batch * mask.stride(0) + head * mask.stride(1) + query * mask.stride(2),
    }
}

/// `scale * product + bias + mask`, the sum of the last two no lower than [`MASKED_SCORE`].
#[cube]
fn score_of<F: Float>(
    products: &Tensor<F>,
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    starts: &Starts,
    key: usize,
    scale: f32,
) -> f32 {
    let bias = bias[starts.bias + key * bias.stride(3)];
    let mask = mask[starts.mask + key * mask.stride(3)];
    let product = f32::cast_from(products[starts.products + key]);
    scale * product + max(bias + mask, MASKED_SCORE)
}
