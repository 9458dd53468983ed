//! Checkpoints: one folder per step that appears whole or not at all, and says so itself.
//!
//! A folder `checkpoints/step-N` holds the model in Hugging Face's layout, the tokenizer,
//! `optimizer.safetensors` and, written last, `manifest.json`: where the run stood and a SHA-256 of
//! every file. A folder without an intact manifest, or with a file that is not the one that was
//! written, is damaged; a run goes on from the newest one that is not.

mod files;
mod manifest;
mod store;
mod writer;

pub(crate) use files::sha256;
pub use manifest::{FileEntry, Identity, Manifest, Position};
pub(crate) use store::Record;
pub use store::{Checkpoints, Intact, Retention};
pub(crate) use writer::{Snapshot, Writer, Written};

/// The optimizer's state in a checkpoint.
pub const OPTIMIZER: &str = "optimizer.safetensors";
/// The factors of a low-rank adaptation in a checkpoint, whose model has them merged.
pub const LORA: &str = "lora.safetensors";
