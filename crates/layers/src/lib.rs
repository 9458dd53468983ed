//! Transformer parts that T5 and ELECTRA share, losses, devices, and the reader and writer of
//! Hugging Face checkpoints.
//!
//! Masks are boolean and true means *padding* (or *not visible*); Hugging Face's `1 = keep` is
//! converted once, where text becomes tensors.

pub mod activation;
pub mod attention;
pub mod block;
pub mod cache;
pub mod config;
pub mod device;
pub mod dropout;
pub mod embedding;
pub mod feed_forward;
pub mod initializer;
pub mod leaf;
pub mod linear;
pub mod loss;
pub mod mask;
pub mod norm;
pub mod precision;
pub mod pretrained;
pub mod quantization;
pub mod recompute;
pub mod relative_position_bias;
pub mod span;
mod trace;

pub use trace::Trace;
