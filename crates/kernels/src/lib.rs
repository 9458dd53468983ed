//! Operations that are faster as one than as several of Burn's.
//!
//! A folder for each: `mod` holds the function on tensors, `reference` the slow truth in plain tensor
//! operations, which devices without a form of their own run, `cpu` the form for processors, and `cube` that for
//! graphics cards, in CubeCL. Burn's own elementwise operations and random numbers run on one thread of a processor.

pub mod activation;
pub mod adamw;
pub mod attention;
pub mod cards;
pub mod cast;
pub mod categorical;
#[cfg(feature = "cube")]
mod cube;
pub mod dropout;
pub mod embedding;
pub mod feed_forward;
mod host;
pub mod likelihood;
pub mod linear;
pub mod norm;
pub mod processor;
pub mod product;
mod random;
pub mod readback;
mod simd;
pub mod sum_of_squares;

/// Elements of a part that one thread takes.
const CHUNK: usize = 1 << 14;
