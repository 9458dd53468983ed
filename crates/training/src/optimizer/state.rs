//! An optimizer's state on the host, and in a file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::OptimizerError;
use crate::f32_tensors::{self, Tensors};

/// What a file that this version reads says of its format.
const FORMAT: &str = "lamplight-optimizer-1";
/// The key of the metadata.
const HEADER: &str = "optimizer";

/// A copy of an optimizer's state on the host, which another thread may write. Everything is under
/// Hugging Face's name of its parameter, as in `shared.weight.first`, in f32 and in the layout that
/// the model has in memory.
#[derive(Debug, Clone, Default)]
pub struct OptimizerState {
    /// Tensors by entry.
    pub(super) tensors: Tensors,
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
        let header = Header {
            format: FORMAT.to_owned(),
            counts: self.counts.clone(),
            untouched: self.untouched.clone(),
        };
        let header = serde_json::to_string(&header).map_err(unreadable)?;
        f32_tensors::to_bytes(&self.tensors, Some((HEADER, header))).map_err(unreadable)
    }

    /// Reads the bytes of a file that [`Self::to_safetensors`] made.
    ///
    /// # Errors
    /// They are none, or a later version's.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, OptimizerError> {
        let (tensors, header) = f32_tensors::from_bytes(bytes, HEADER).map_err(unreadable)?;
        let header: Header = match header {
            Some(header) => serde_json::from_str(&header).map_err(unreadable)?,
            None => Header::default(),
        };
        if header.format != FORMAT {
            return Err(OptimizerError::Format {
                found: header.format,
                expected: FORMAT,
            });
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
