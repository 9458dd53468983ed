//! Recipe and texts in, trained checkpoint out.
//!
//! [`recipe`] says what to do, [`run`] does it: [`texts`] reads and tokenises, [`feed`] makes tensors
//! of host batches, [`task`] computes losses and held-out scores, [`trainer`] steps over them with
//! [`optimizer`], [`schedule`] and [`gradients`], and [`run_folder`], [`metrics`] and [`report`] keep
//! the results. [`progress`] is how a program hears of it; nothing here prints.

mod error;
pub mod evaluation;
pub mod feed;
pub mod gradients;
pub mod lora;
pub mod metrics;
pub mod micro_step;
mod model_config;
pub mod optimizer;
pub mod progress;
pub mod recipe;
pub mod report;
pub mod run;
pub mod run_folder;
pub mod schedule;
pub mod seed;
pub mod task;
pub mod texts;
pub mod trainer;

pub use error::TrainingError;
