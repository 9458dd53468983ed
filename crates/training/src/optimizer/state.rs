//! An optimizer's state on the host, and in a file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use burn::tensor::{DType, TensorData};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use super::OptimizerError;

/// What a file that this version reads says of its format.
const FORMAT: &str = "lamplight-optimizer-1";
/// The one key of the metadata: of several the order would be another in every file.
const HEADER: &str = "optimizer";

/// A copy of an optimizer's state on the host, which another thread may write. Everything is under
/// Hugging Face's name of its parameter, as in `shared.weight.first`, in f32 and in the layout that
/// the model has in memory.
#[derive(Debug, Clone, Default)]
pub struct OptimizerState {
    /// Tensors by entry.
    pub(super) tensors: BTreeMap<String, TensorData>,
    /// Counts by entry.
    pub(super) counts: BTreeMap<String, u64>,
    /// Parameters that were never updated and so have no state.
    pub(super) untouched: BTreeSet<String>,
}

/// What is not a tensor, in the metadata.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Header {
    format: String,
    counts: BTreeMap<String, u64>,
    untouched: BTreeSet<String>,
}

impl OptimizerState {
    /// Bytes of all tensors; the file has its header besides.
    pub fn num_bytes(&self) -> u64 {
        let tensors = self.tensors.values();
        tensors.map(|data| data.as_bytes().len() as u64).sum()
    }

    /// The bytes of a safetensors file.
    ///
    /// # Errors
    /// An entry's size does not fit its shape.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, OptimizerError> {
        let mut views = Vec::with_capacity(self.tensors.len());
        for (name, data) in &self.tensors {
            let shape = data.shape().to_vec();
            let view = TensorView::new(Dtype::F32, shape, data.as_bytes()).map_err(unreadable)?;
            views.push((name, view));
        }
        let header = Header {
            format: FORMAT.to_owned(),
            counts: self.counts.clone(),
            untouched: self.untouched.clone(),
        };
        let header = serde_json::to_string(&header).map_err(unreadable)?;
        let metadata = HashMap::from([(HEADER.to_owned(), header)]);
        serialize(views, Some(metadata)).map_err(unreadable)
    }

    /// Reads the bytes of a file that [`Self::to_safetensors`] made.
    ///
    /// # Errors
    /// They are none, or a later version's.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, OptimizerError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let metadata = metadata.metadata().as_ref();
        let header: Header = match metadata.and_then(|metadata| metadata.get(HEADER)) {
            Some(header) => serde_json::from_str(header).map_err(unreadable)?,
            None => Header::default(),
        };
        if header.format != FORMAT {
            return Err(OptimizerError::Format {
                found: header.format,
                expected: FORMAT,
            });
        }
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            if view.dtype() != Dtype::F32 {
                let reason = format!("`{name}` is {:?}, not F32", view.dtype());
                return Err(OptimizerError::Unreadable { reason });
            }
            let (bytes, shape) = (view.data().to_vec(), view.shape().to_vec());
            let data = TensorData::try_from_bytes_vec(bytes, shape, DType::F32);
            tensors.insert(name, data.map_err(unreadable)?);
        }
        Ok(Self {
            tensors,
            counts: header.counts,
            untouched: header.untouched,
        })
    }
}

fn unreadable(reason: impl std::fmt::Display) -> OptimizerError {
    OptimizerError::Unreadable {
        reason: reason.to_string(),
    }
}
