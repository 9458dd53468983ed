//! Training objectives: pure functions from tokens and a random generator to one example.

pub mod replaced_token_detection;
pub mod span_corruption;
