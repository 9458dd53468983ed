use burn::backend::NdArray;
use burn::backend::ndarray::NdArrayTensor;
use ndarray::{ArcArray, ArrayViewD, IxDyn};

use super::{Host, View};

impl Host for NdArray {
    fn view(tensor: &NdArrayTensor) -> View<'_> {
        let view = array(tensor);
        let strides = view.strides().iter().map(|stride| stride.unsigned_abs());
        View {
            shape: view.shape().to_vec(),
            strides: strides.collect(),
            elements: view.to_slice_memory_order().unwrap_or_default(),
        }
    }

    fn visible(tensor: NdArrayTensor) -> NdArrayTensor {
        let view = array(&tensor);
        let ascends = view.strides().iter().all(|&stride| stride >= 0);
        match ascends && view.as_slice_memory_order().is_some() {
            true => tensor,
            false => copied(&view),
        }
    }

    fn dense(tensor: NdArrayTensor) -> NdArrayTensor {
        let view = array(&tensor);
        match view.is_standard_layout() {
            true => tensor,
            false => copied(&view),
        }
    }

    fn tensor(elements: Vec<f32>, shape: &[usize]) -> NdArrayTensor {
        match ArcArray::from_shape_vec(IxDyn(shape), elements) {
            Ok(array) => array.into(),
            Err(error) => panic!("a kernel's result is not of its shape {shape:?}: {error}"),
        }
    }
}

fn array(tensor: &NdArrayTensor) -> ArrayViewD<'_, f32> {
    match tensor {
        NdArrayTensor::F32(storage) => storage.view(),
        other => panic!("kernels see tensors of f32, not {other:?}"),
    }
}

fn copied(view: &ArrayViewD<'_, f32>) -> NdArrayTensor {
    view.as_standard_layout().into_owned().into_shared().into()
}
