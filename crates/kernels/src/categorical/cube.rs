//! A cube for each row, by the Gumbel-max trick: `argmax(logits + gumbel)` (Maddison et al. 2014, "A* Sampling").

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{self, IntDType};
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use crate::cube::{RowLaunch, address_type, assert_f32, bits_of, draw_seed, empty_beside, hashed};

/// As [`super::categorical`], of logits of any type.
pub fn categorical(logits: tensor::Tensor<2>) -> tensor::Tensor<1, tensor::Int> {
    let device = logits.device();
    let seed = draw_seed(&device);
    tensor::Tensor::from_dispatch(<Dispatch as CategoricalOps>::categorical(
        logits.into_dispatch(),
        seed.into_dispatch(),
        device.settings().int_dtype,
    ))
}

/// Draws of graphics cards.
#[backend_extension(Cube, Autodiff)]
pub trait CategoricalOps: Backend {
    /// An index per row, `[rows]`, of this type; which follows from the seed, `[2]`, uniform in `[0, 1)` and in f32.
    fn categorical(
        logits: FloatTensor<Self>,
        seed: FloatTensor<Self>,
        dtype: IntDType,
    ) -> IntTensor<Self>;
}

impl CategoricalOps for CubeBackend {
    fn categorical(logits: CubeTensor, seed: CubeTensor, dtype: IntDType) -> CubeTensor {
        assert_f32("seed", &seed);
        let logits = into_contiguous(logits);
        let [rows, classes] = [logits.shape()[0], logits.shape()[1]];
        let drawn = empty_beside(&logits, [rows], dtype.into());
        let client = logits.client.clone();
        let launch = RowLaunch::new(&client, rows, classes);
        let types = [logits.dtype, drawn.dtype].map(dtype_to_storage_type);
        categorical_kernel::launch(
            &client,
            launch.count,
            launch.dim,
            address_type([&logits]),
            logits.into_tensor_arg(),
            seed.into_buffer_arg(),
            drawn.clone().into_tensor_arg(),
            launch.units,
            types,
        );
        drawn
    }
}

impl<C: CheckpointStrategy> CategoricalOps for Autodiff<CubeBackend, C> {
    fn categorical(
        logits: FloatTensor<Self>,
        seed: FloatTensor<Self>,
        dtype: IntDType,
    ) -> IntTensor<Self> {
        CubeBackend::categorical(logits.into_primitive(), seed.into_primitive(), dtype)
    }
}

#[cube(launch, address_type = "dynamic")]
fn categorical_kernel<F: Float, I: Int>(
    logits: &Tensor<F>,
    seed: &[f32],
    drawn: &mut Tensor<I>,
    #[comptime] units: usize,
    #[define(F, I)] _dtypes: [ElemType; 2],
) {
    let (row, classes) = (CUBE_POS, logits.shape(1));
    if row >= logits.shape(0) {
        terminate!();
    }
    let (unit, start) = (UNIT_POS as usize, row * classes);
    // Rows and classes are hashed one after the other, as there may be more than 2^32 pairs of them.
    let (first, second) = (bits_of(seed[0]), bits_of(seed[1]));
    let of_row = hashed(u32::cast_from(row), first, second);
    let also_of_row = hashed(u32::cast_from(row), second, first);
    // Of the classes of this unit. No score is above this that is minus infinity.
    let mut highest = f32::min_value();
    let mut class_of_highest = 0u32;
    let mut class = unit;
    while class < classes {
        let number = u32::cast_from(class);
        let waited = exponential(hashed(number, of_row, also_of_row));
        let score = f32::cast_from(logits[start + class]) - f32::ln(waited);
        if score > highest {
            highest = score;
            class_of_highest = number;
        }
        class += units;
    }
    let class = place_of_highest(highest, class_of_highest, units);
    if unit == 0 {
        drawn[row] = I::cast_from(class);
    }
}

/// A draw of the exponential distribution, above zero and finite, of which the negative logarithm is one of Gumbel's. It is
/// `-ln(1 - uniform)`: the smallest draws, which unlikely classes win by, are as fine as all of the bits.
#[cube]
fn exponential(bits: u32) -> f32 {
    // In the middle of one of 2^32 parts of what lies between 0 and 1, and below 1 when rounded.
    let middle = (f32::cast_from(bits) + 0.5f32) * f32::new(1.0 / 4_294_967_296.0);
    let uniform = min(middle, f32::new(1.0 - 1.0 / 16_777_216.0));
    // The first terms of the logarithm's series, as `1 - uniform` would lose the last bits.
    let third = 1.0f32 / 3.0f32 + uniform * 0.25f32;
    let series = uniform * (1.0f32 + uniform * (0.5f32 + uniform * third));
    select(uniform < 0.015625f32, series, -f32::ln(1.0f32 - uniform))
}

/// The place of the unit with the highest value, the lowest of them where several are highest. The number of units is a
/// power of two.
#[cube]
fn place_of_highest(value: f32, place: u32, #[comptime] units: usize) -> u32 {
    let mut values = Shared::<[f32]>::new_slice(units);
    let mut places = Shared::<[u32]>::new_slice(units);
    let unit = UNIT_POS as usize;
    values[unit] = value;
    places[unit] = place;
    sync_cube();
    let mut half = comptime!(units / 2).runtime();
    while half > 0 {
        if unit < half {
            let (other, own) = (values[unit + half], values[unit]);
            let is_lower = places[unit + half] < places[unit];
            if other > own || (other == own && is_lower) {
                values[unit] = other;
                places[unit] = places[unit + half];
            }
        }
        sync_cube();
        half /= 2;
    }
    places[0]
}
