//! Metrics of predictions, as plain functions of labels, values, texts and tags.
//!
//! Each gives the numbers of the program that papers use for it, named where the metric is. What that program
//! refuses or cannot compute is a [`MetricError`] here; nothing panics. [`Metric`] picks one by its name:
//!
//! ```
//! use lamplight_training::evaluation::metrics::{Metric, Paired, Predictions};
//!
//! let predictions = ["The house is very old.".to_owned()];
//! let references = [vec!["The house is old.".to_owned()]];
//! let texts = Predictions::Texts(Paired {
//!     predictions: &predictions,
//!     references: &references,
//! });
//! let metric: Metric = "chrf".parse()?;
//! for (name, score) in texts.scores(metric)? {
//!     assert_eq!(format!("{name} {score:.2}"), "chrf 72.36");
//! }
//! # Ok::<(), lamplight_training::evaluation::metrics::MetricError>(())
//! ```

pub mod bleu;
pub mod chrf;
pub mod classification;
pub mod correlation;
pub mod entities;
mod error;
mod exact_match;
mod f1;
mod metric;
mod multiset;
mod perplexity;
mod predictions;
pub mod rouge;
pub mod squad;
mod text;

pub use error::MetricError;
pub use exact_match::exact_match;
pub use f1::F1Score;
pub use metric::Metric;
pub use perplexity::perplexity;
pub(in crate::evaluation) use predictions::answer_scores;
pub use predictions::{Paired, Predictions};
