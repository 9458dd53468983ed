//! Muon (Jordan 2024) on Burn's own, with the scale that a weight laid out `[in, out]` needs.

use burn::tensor::{Device, Tensor};
use burn_optim::momentum::MomentumConfig;
use burn_optim::{AdjustLrFn, LearningRate, MuonConfig, MuonState, Optimizer};
use serde::{Deserialize, Serialize};

/// How the update of a matrix, whose singular values are all near 1, is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MuonRatio {
    /// `sqrt(max(1, out / in))`, as Muon was published; wants a larger learning rate than AdamW.
    Original,
    /// `0.2 * sqrt(max(in, out))` (Liu and others 2025, section 2.2): updates as large as AdamW's are,
    /// so that one learning rate serves both.
    #[default]
    MatchRmsAdamw,
}

/// The update rule of one matrix `[in, out]`.
#[derive(Clone)]
pub struct Muon {
    rule: burn_optim::Muon,
    ratio: MuonRatio,
    weight_decay: f64,
}

impl Muon {
    /// A rule with Nesterov momentum of this decay rate, and decoupled weight decay.
    pub fn new(momentum: f64, ratio: MuonRatio, weight_decay: f64) -> Self {
        let momentum = MomentumConfig::new()
            .with_momentum(momentum)
            .with_dampening(0.0)
            .with_nesterov(true);
        let adjust = match ratio {
            MuonRatio::Original => AdjustLrFn::Original,
            MuonRatio::MatchRmsAdamw => AdjustLrFn::MatchRmsAdamW,
        };
        let config = MuonConfig::new()
            .with_momentum(momentum)
            .with_adjust_lr_fn(adjust);
        Self {
            rule: config.build(),
            ratio,
            weight_decay,
        }
    }
}

impl Optimizer for Muon {
    type State<const D: usize> = MuonState<D>;

    /// # Panics
    /// The parameter is no matrix.
    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<MuonState<D>>,
    ) -> (Tensor<D>, Option<MuonState<D>>) {
        // Burn scales by sqrt(max(1, first / second axis)), which is right for `[out, in]` alone.
        let correction = match (self.ratio, parameter.dims().as_slice()) {
            (MuonRatio::Original, &[inputs, outputs]) => {
                let ratio = outputs as f64 / inputs as f64;
                (ratio.max(1.0) / ratio.recip().max(1.0)).sqrt()
            }
            _ => 1.0,
        };
        let decay = learning_rate * self.weight_decay;
        let parameter = match decay {
            0.0 => parameter,
            decay => parameter.mul_scalar(1.0 - decay),
        };
        self.rule
            .step(learning_rate * correction, parameter, gradient, state)
    }

    fn to_device<const D: usize>(state: MuonState<D>, device: &Device) -> MuonState<D> {
        burn_optim::Muon::to_device(state, device)
    }
}
