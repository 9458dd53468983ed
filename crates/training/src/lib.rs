//! Recipe and texts in, trained checkpoint out.
//!
//! [`recipe`] says what to do, [`run`] does it: [`texts`] reads and tokenises, [`feed`] makes tensors
//! of host batches, [`task`] computes losses and held-out scores, [`trainer`] steps over them with
//! [`optimizer`], [`schedule`], [`gradients`], [`clipping`] and [`stability`], and [`run_folder`], [`checkpoint`], [`metrics`] and [`report`] keep
//! the results. [`scoring`] scores a model without training. [`inspection`] shows batches before anything is trained. [`progress`] is how a program hears of it; nothing here prints.

pub mod checkpoint;
pub mod clipping;
pub mod comparison;
mod early_stopping;
mod error;
pub mod evaluation;
mod f32_tensors;
pub mod feed;
pub mod flops;
pub mod gradients;
pub mod inspection;
mod loaders;
pub mod lora;
pub mod memory;
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
pub mod scoring;
pub mod seed;
pub mod seed_runs;
pub mod stability;
pub mod task;
pub mod tensorboard;
pub mod texts;
pub mod trainer;
mod weights;

pub use error::TrainingError;
pub use weights::WeightsError;
