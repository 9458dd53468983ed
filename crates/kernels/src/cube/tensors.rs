//! Launches over several tensors, where one for each would take longer than its work.

use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor;
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::{client::Client, prelude::*};
use burn_cubecl::tensor::CubeTensor;

use super::RowLaunch;

/// Elements of a cube at least, where a tensor has several.
const ELEMENTS_OF_CUBE: usize = 1 << 12;
/// Cubes of a tensor at most: as many as the widest cards run at once.
const MOST_CUBES: usize = 1024;
/// Tensors of a launch at most: a kernel has code for each.
const MOST_TENSORS: usize = 32;
/// Bindings of a launch beside those of its tensors, at most.
const OTHER_BINDINGS: usize = 3;

/// A launch over several tensors: those cubes whose place in y is that of a tensor go over its elements side by side.
pub struct TensorsLaunch {
    /// As many in x as are enough for the largest tensor, and in y as there are tensors.
    pub count: CubeCount,
    /// The units in one dimension.
    pub dim: CubeDim,
    /// Units of a cube, a power of two that depends on nothing but the device.
    pub units: usize,
}

impl TensorsLaunch {
    /// For some tensors.
    pub fn new(client: &Client, tensors: &[CubeTensor]) -> Self {
        let num_cubes = num_cubes(tensors);
        let RowLaunch { dim, units, .. } = RowLaunch::new(client, num_cubes, ELEMENTS_OF_CUBE);
        Self {
            count: CubeCount::Static(num_cubes as u32, tensors.len() as u32, 1),
            dim,
            units,
        }
    }
}

/// The cubes that each of these tensors has.
pub fn num_cubes(tensors: &[CubeTensor]) -> usize {
    let elements = tensors.iter().map(|tensor| tensor.meta.num_elements());
    let most = elements.max().unwrap_or_default();
    most.div_ceil(ELEMENTS_OF_CUBE).clamp(1, MOST_CUBES)
}

/// What goes into a launch each: alike, with so many bindings, and of about one size, so that its cubes have about as much
/// to do.
pub fn launches<T>(
    items: &mut [T],
    bindings: usize,
    tensor: impl Fn(&T) -> &CubeTensor,
    are_alike: impl Fn(&T, &T) -> bool,
) -> Vec<&[T]> {
    let Some(first) = items.first() else {
        return Vec::new();
    };
    let most = tensor(first).client.properties().hardware.max_bindings as usize;
    let most = (most.saturating_sub(OTHER_BINDINGS) / bindings).clamp(1, MOST_TENSORS);
    items.sort_by_cached_key(|item| tensor(item).meta.num_elements());
    let runs = items.chunk_by(are_alike);
    runs.flat_map(|run| run.chunks(most)).collect()
}

/// A tensor as CubeCL has it. It may not be on a device with gradients.
///
/// # Panics
/// It is on the processor.
pub fn cube_tensor<const D: usize>(tensor: Tensor<D>) -> CubeTensor {
    let mut found = Vec::with_capacity(1);
    <Dispatch as TensorsOps>::hand_over(tensor.into_dispatch(), &mut found);
    match found.pop() {
        Some(tensor) => tensor,
        None => panic!("not a tensor of a graphics card"),
    }
}

/// The way back, for tests.
#[cfg(test)]
pub fn burn_tensor<const D: usize>(tensor: CubeTensor, device: &burn::tensor::Device) -> Tensor<D> {
    use burn::backend::{BackendTensor, DispatchTensorKind};

    let mut found = Tensor::<1>::empty([1], device).into_dispatch();
    found.kind = DispatchTensorKind::Cube(BackendTensor::Float(tensor));
    Tensor::from_dispatch(found)
}

/// A dense copy on a graphics card.
pub fn copied<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as TensorsOps>::copied(tensor.into_dispatch()))
}

/// The way from Burn's tensors to CubeCL's.
#[backend_extension(Cube)]
pub trait TensorsOps: Backend {
    /// A dense copy.
    fn copied(tensor: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Adds the tensor to `all`.
    fn hand_over(tensor: FloatTensor<Self>, all: &mut Vec<CubeTensor>) -> usize;
}

impl TensorsOps for CubeBackend {
    fn copied(tensor: CubeTensor) -> CubeTensor {
        super::copied(tensor)
    }

    fn hand_over(tensor: CubeTensor, all: &mut Vec<CubeTensor>) -> usize {
        all.push(tensor);
        all.len()
    }
}
