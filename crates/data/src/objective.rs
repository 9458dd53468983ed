//! Training objectives: pure functions from tokens, or a record's fields, and a random generator to examples.

pub mod denoising;
mod deshuffling;
pub mod iid_denoising;
pub mod mixture_of_denoisers;
mod prefix_lm;
pub mod question_answering;
pub mod replaced_token_detection;
pub mod segment_pairs;
pub mod span_corruption;
pub mod text_tasks;
pub mod token_classification;
