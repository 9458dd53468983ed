//! Several tensors in a launch, a unit for some elements of one.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension, tensor::FloatTensor};
use burn::tensor::{DType, Tensor};
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use crate::cube::tensors::{TensorsLaunch, launches};
use crate::cube::{address_type, empty_beside};

/// A copy that is to come.
#[derive(Debug)]
pub struct Pending {
    from: CubeTensor,
    to: CubeTensor,
}

/// The copy of a tensor as it will be written, one more of `pending`; of a tensor that is not dense it is there at once.
pub fn add<const D: usize>(
    tensor: Tensor<D>,
    dtype: DType,
    pending: &mut Vec<Pending>,
) -> Tensor<D> {
    let copy = <Dispatch as CastOps>::add(tensor.into_dispatch(), dtype, pending);
    Tensor::from_dispatch(copy)
}

/// The copies of graphics cards.
#[backend_extension(Cube)]
pub trait CastOps: Backend {
    /// As [`add`].
    fn add(
        tensor: FloatTensor<Self>,
        dtype: DType,
        pending: &mut Vec<Pending>,
    ) -> FloatTensor<Self>;
}

impl CastOps for CubeBackend {
    fn add(tensor: CubeTensor, dtype: DType, pending: &mut Vec<Pending>) -> CubeTensor {
        if !tensor.is_contiguous() {
            return CubeBackend::float_cast(tensor, dtype.into());
        }
        let copy = empty_beside(&tensor, tensor.shape(), dtype);
        pending.push(Pending {
            from: tensor,
            to: copy.clone(),
        });
        copy
    }
}

impl Pending {
    fn dtypes(&self) -> [DType; 2] {
        [self.from.dtype, self.to.dtype]
    }
}

/// Makes the copies.
pub fn cast(mut pending: Vec<Pending>) {
    let are_alike = |one: &Pending, other: &Pending| one.dtypes() == other.dtypes();
    for copies in launches(&mut pending, 2, |copy| &copy.from, are_alike) {
        launch(copies);
    }
}

/// Makes copies from one type to one.
fn launch(copies: &[Pending]) {
    let (from, to): (Vec<_>, Vec<_>) = copies
        .iter()
        .map(|copy| (copy.from.clone(), copy.to.clone()))
        .unzip();
    let client = from[0].client.clone();
    let launch = TensorsLaunch::new(&client, &from);
    let address_type = address_type(&from);
    let buffers = |tensors: Vec<CubeTensor>| tensors.into_iter().map(CubeTensor::into_buffer_arg);
    cast_kernel::launch(
        &client,
        launch.count,
        launch.dim,
        address_type,
        buffers(from).collect(),
        buffers(to).collect(),
        launch.units,
        copies[0].dtypes().map(dtype_to_storage_type),
    );
}

#[cube(launch, address_type = "dynamic")]
fn cast_kernel<I: Float, O: Float>(
    from: &Sequence<Box<[I]>>,
    to: &mut Sequence<Box<[O]>>,
    #[comptime] units: usize,
    #[define(I, O)] _dtypes: [ElemType; 2],
) {
    #[unroll]
    for index in 0..from.len() {
        if CUBE_POS_Y as usize == index {
            cast_elements::<I, O>(&from[index], &mut to[index], units);
        }
    }
}

/// Those of a unit.
#[cube]
fn cast_elements<I: Float, O: Float>(from: &[I], to: &mut [O], #[comptime] units: usize) {
    let mut place = CUBE_POS_X as usize * units + UNIT_POS as usize;
    while place < from.len() {
        to[place] = O::cast_from(from[place]);
        place += CUBE_COUNT_X as usize * units;
    }
}
