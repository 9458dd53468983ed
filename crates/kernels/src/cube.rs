//! What the kernels for graphics cards share: how rows are shared out, sums over the units of a cube, and random
//! bits.

pub mod rows;
pub mod tensors;

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::{DType, Device, Distribution, Shape};
use burn_cubecl::cubecl::calculate_cube_count_elemwise;
use burn_cubecl::cubecl::{self, client::Client, prelude::*, server::CubeCountSelection};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

/// Elements that a unit takes of a row at least, where the row has several planes of them.
pub const ELEMENTS_OF_UNIT: usize = 4;
/// Units of a cube at most; each device has as many.
const MOST_UNITS: usize = 256;

/// A launch with a cube for each row.
pub struct RowLaunch {
    /// One for each row at least.
    pub count: CubeCount,
    /// The units in one dimension.
    pub dim: CubeDim,
    /// Units of a cube, a power of two.
    pub units: usize,
}

impl RowLaunch {
    /// For rows of a width. Few numbers of units occur, so that other widths do not mean other kernels.
    pub fn new(client: &Client, rows: usize, width: usize) -> Self {
        let hardware = &client.properties().hardware;
        // Where a plane is one unit, units are threads of a processor.
        let units = match hardware.plane_size_max {
            0 | 1 => 1,
            plane => {
                let wanted = width.div_ceil(ELEMENTS_OF_UNIT).next_power_of_two();
                let least = (plane as usize).next_power_of_two().min(MOST_UNITS);
                wanted.clamp(least, MOST_UNITS)
            }
        };
        Self {
            count: CubeCountSelection::new(client, rows as u32).cube_count(),
            dim: CubeDim::new_1d(units as u32),
            units,
        }
    }
}

/// A launch with a unit for each element.
pub struct ElementLaunch {
    /// As many as have a unit for each element at least.
    pub count: CubeCount,
    /// The units of a cube.
    pub dim: CubeDim,
}

impl ElementLaunch {
    /// For this number of elements.
    pub fn new(client: &Client, elements: usize) -> Self {
        let dim = CubeDim::new(client, elements);
        let count = calculate_cube_count_elemwise(client, elements, dim);
        Self { count, dim }
    }
}

/// A launch with a unit for each vector of elements that lie side by side: with one element for each unit too few bytes
/// would be on their way at once.
pub struct VectorLaunch {
    /// A unit for each vector at least.
    pub elements: ElementLaunch,
    /// Elements of a vector.
    pub width: usize,
}

impl VectorLaunch {
    /// For dense tensors of this one's size and type.
    pub fn new(tensor: &CubeTensor) -> Self {
        let (client, elements) = (&tensor.client, tensor.meta.num_elements());
        let width = vector_width(client, tensor.dtype, elements);
        Self {
            elements: ElementLaunch::new(client, elements / width),
            width,
        }
    }
}

/// Elements of the longest vectors of a type that a row of so many elements is made of.
pub fn vector_width(client: &Client, dtype: DType, elements: usize) -> usize {
    let widths = client.io_optimized_vector_sizes(dtype.size());
    let whole = widths.filter(|width| elements.is_multiple_of(*width));
    whole.max().unwrap_or(1)
}

/// What random numbers of a kernel follow from: two uniform in `[0, 1)`, in f32. They stay on the device, which no host
/// waits for.
pub fn draw_seed(device: &Device) -> burn::tensor::Tensor<1> {
    let uniform = Distribution::Uniform(0.0, 1.0);
    burn::tensor::Tensor::<1>::random([2], uniform, device).cast(DType::F32)
}

/// A dense tensor that nobody else holds, copied if it is none.
pub fn into_own(tensor: CubeTensor) -> CubeTensor {
    let tensor = into_contiguous(tensor);
    match tensor.can_mut() {
        true => tensor,
        false => copied(tensor),
    }
}

/// A dense copy.
pub fn copied(tensor: CubeTensor) -> CubeTensor {
    let (client, device, dtype) = (tensor.client.clone(), tensor.device.clone(), tensor.dtype);
    let copy = cubecl::std::tensor::into_contiguous(
        &client,
        tensor.binding(),
        dtype_to_storage_type(dtype),
    );
    CubeTensor::new(client, copy.handle, *copy.metadata, device, dtype)
}

/// A dense tensor on the device of another, not yet written.
pub fn empty_beside(tensor: &CubeTensor, shape: impl Into<Shape>, dtype: DType) -> CubeTensor {
    empty_device_contiguous_dtype(
        tensor.client.clone(),
        tensor.device.clone(),
        shape.into(),
        dtype,
    )
}

/// A kernel would take the bits of another type for those of f32.
pub fn assert_f32(name: &str, tensor: &CubeTensor) {
    assert_eq!(tensor.dtype(), DType::F32, "the type of the {name}");
}

/// The widest of the integers that index these tensors.
pub fn address_type<'a>(tensors: impl IntoIterator<Item = &'a CubeTensor>) -> AddressType {
    let types = tensors.into_iter().map(CubeTensor::required_address_type);
    types.max().unwrap_or_default()
}

/// The sum of the values of all units, in an order that depends on nothing but their number, a power of two.
#[cube]
pub fn sum_of_units(value: f32, #[comptime] units: usize) -> f32 {
    combined(value, units, true)
}

/// The highest of the values of all units, the number of which is a power of two.
#[cube]
pub fn highest_of_units(value: f32, #[comptime] units: usize) -> f32 {
    combined(value, units, false)
}

/// The sum of all values, or the highest, in halves.
#[cube]
fn combined(value: f32, #[comptime] units: usize, #[comptime] adds: bool) -> f32 {
    let mut partial = Shared::<[f32]>::new_slice(units);
    let unit = UNIT_POS as usize;
    partial[unit] = value;
    sync_cube();
    let mut half = comptime!(units / 2).runtime();
    while half > 0 {
        if unit < half {
            let other = partial[unit + half];
            if comptime!(adds) {
                partial[unit] += other;
            } else {
                partial[unit] = max(partial[unit], other);
            }
        }
        sync_cube();
        half /= 2;
    }
    partial[0]
}

/// Random bits of a place, each of which depends on all of the two seeds. Places that differ have bits that differ, but for
/// this nothing shows of their order.
#[cube]
pub fn hashed(place: u32, first: u32, second: u32) -> u32 {
    mixed(mixed(place + first) ^ second)
}

/// The 24 bits that a number in `[0, 1)` has.
#[cube]
pub fn bits_of(uniform: f32) -> u32 {
    u32::cast_from(uniform * 16_777_216.0f32)
}

/// A permutation of all integers that leaves no trace of their order: Wellons' "lowbias32" of his "Prospecting for hash
/// functions".
#[cube]
fn mixed(bits: u32) -> u32 {
    let first = (bits ^ (bits >> 16u32)) * 0x21f0_aaadu32;
    let second = (first ^ (first >> 15u32)) * 0xd35a_2d97u32;
    second ^ (second >> 15u32)
}

/// What dropout multiplies by: the upper half of the bits is one of as many draws as there are to be.
#[cube]
pub fn dropout_factor(bits: u32, num_dropped: u32, scale: f32) -> f32 {
    select(bits >> 16u32 < num_dropped, 0.0f32, scale)
}

/// The place nearest to an index among so many, so that none leads out of its row.
#[cube]
pub fn nearest<I: Int>(index: I, count: usize) -> usize {
    usize::cast_from(min(max(index, I::new(0)), I::cast_from(count - 1)))
}
