//! Text to host batches for Lamplight: readers, tokenizers, objectives and loaders. Nothing here knows a device.
//!
//! Text flows one way: [`source`] gives documents, [`tokenizer`] gives ids, [`corpus`] holds them, [`objective`] makes
//! examples of them, [`loader`] makes [`batch`]es of those. [`synthetic`] makes corpora by program,
//! [`dataset`] knows and fetches those of others.

pub mod atomic_file;
pub mod batch;
pub mod corpus;
pub mod dataset;
pub mod digest;
mod error;
pub mod loader;
pub mod mixture;
pub mod objective;
pub mod source;
pub mod store;
pub mod synthetic;
mod tokenized;
pub mod tokenizer;

pub use error::DataError;
