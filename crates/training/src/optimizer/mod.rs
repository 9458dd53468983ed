//! From the recipe's `[optimizer]` to an optimizer of a whole model.
//!
//! [`ModelOptimizer`] keeps one rule and one state for each parameter, under the parameter's name:
//! `rules` says which, `update_rule` holds the kinds, [`OptimizerState`] is what is saved.

mod adafactor;
mod adamw;
mod error;
mod layer_decay;
mod model;
mod muon;
mod rules;
mod state;
mod update_rule;

pub use adafactor::{Adafactor, AdafactorConfig, AdafactorState};
pub use adamw::{AdamW, AdamWConfig, AdamWState};
pub use error::OptimizerError;
pub use model::ModelOptimizer;
pub use muon::{Muon, MuonRatio};
pub use state::OptimizerState;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The update rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Adam with bias correction and decoupled weight decay (Loshchilov and Hutter 2019).
    Adamw,
    /// AdamW whose step is multiplied by the root mean square of the parameter (nanoT5).
    AdamwScaled,
    /// AdamW without bias correction, as ELECTRA was trained.
    ElectraAdam,
    /// Adafactor (Shazeer and Stern 2018), as T5 was trained.
    Adafactor,
    /// Muon (Jordan 2024) for the matrices of the blocks, AdamW for the rest.
    Muon,
    /// Stochastic gradient descent with momentum.
    Sgd,
}

impl OptimizerKind {
    /// The kind as a clause of an error.
    pub(crate) fn context(self) -> &'static str {
        match self {
            Self::Adamw => "optimizer adamw",
            Self::AdamwScaled => "optimizer adamw_scaled",
            Self::ElectraAdam => "optimizer electra_adam",
            Self::Adafactor => "optimizer adafactor",
            Self::Muon => "optimizer muon",
            Self::Sgd => "optimizer sgd",
        }
    }
}

/// Least root mean square of a parameter that scales its update, so that zeros can be left.
const MIN_PARAMETER_RMS: f64 = 1e-3;

/// The root mean square, with one element on every axis.
fn rms<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    tensor.square().mean().sqrt().reshape([1; D])
}
