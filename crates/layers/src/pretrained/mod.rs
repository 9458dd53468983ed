//! Hugging Face checkpoints: read from `model.safetensors`, its shards by index, or
//! `pytorch_model.bin`; written as `model.safetensors`. Strict: whatever does not fit is listed.

mod checkpoint;
mod error;
mod load;
mod names;
mod save;

pub use checkpoint::Checkpoint;
pub use error::{Misfit, PretrainedError};
pub use load::{Loading, load};
pub use names::NameTable;
pub use save::{Gradient, Parameter, Read, Value, collect, save};
