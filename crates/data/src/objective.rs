//! Training objectives: pure functions from tokens and a random generator to one example.

pub mod denoising;
mod deshuffling;
pub mod iid_denoising;
pub mod mixture_of_denoisers;
mod prefix_lm;
pub mod replaced_token_detection;
pub mod span_corruption;
