//! Tensors in f32 by their names, as the bytes of a safetensors file.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{DType, TensorData};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, serialize};

/// Values by name.
pub(crate) type Tensors = BTreeMap<String, TensorData>;

/// The bytes of a file. Of more than one key of metadata the order would be another each time.
///
/// # Errors
/// A tensor's size does not fit its shape.
pub(crate) fn to_bytes(
    tensors: &Tensors,
    metadata: Option<(&str, String)>,
) -> Result<Vec<u8>, String> {
    let mut views = Vec::with_capacity(tensors.len());
    for (name, data) in tensors {
        let view = TensorView::new(Dtype::F32, data.shape().to_vec(), data.as_bytes());
        views.push((name, view.map_err(said)?));
    }
    let metadata = metadata.map(|(key, value)| HashMap::from([(key.to_owned(), value)]));
    serialize(views, metadata).map_err(said)
}

/// The tensors of a file, and the value of a key of its metadata.
///
/// # Errors
/// It is no such file, or holds another type.
pub(crate) fn from_bytes(bytes: &[u8], key: &str) -> Result<(Tensors, Option<String>), String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(said)?;
    let metadata = header.metadata().as_ref();
    let value = metadata.and_then(|metadata| metadata.get(key)).cloned();
    let file = SafeTensors::deserialize(bytes).map_err(said)?;
    let mut tensors = Tensors::new();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("`{name}` is {:?}, not F32", view.dtype()));
        }
        let (bytes, shape) = (view.data().to_vec(), view.shape().to_vec());
        let data = TensorData::try_from_bytes_vec(bytes, shape, DType::F32).map_err(said)?;
        tensors.insert(name, data);
    }
    Ok((tensors, value))
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
