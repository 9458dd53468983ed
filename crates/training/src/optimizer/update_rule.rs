//! The rule of one parameter, whichever its kind.

use burn_optim::decay::WeightDecayConfig;
use burn_optim::momentum::MomentumConfig;
use burn_optim::{DynOptimizer, Sgd, SgdConfig};

use super::adafactor::{Adafactor, AdafactorConfig};
use super::adamw::AdamW;
use super::muon::Muon;

/// A rule with its settings.
#[derive(Clone)]
pub(super) enum UpdateRule {
    AdamW(AdamW),
    Adafactor(Adafactor, AdafactorConfig),
    Muon(Muon),
    Sgd(Sgd),
}

/// An entry of a rule's state.
pub(super) enum Entry {
    /// A tensor with its shape.
    Tensor(&'static str, Vec<usize>),
    /// A number.
    Scalar(&'static str),
}

impl UpdateRule {
    /// PyTorch's SGD: the decay is added to the gradient, before the momentum.
    pub(super) fn sgd(momentum: f64, weight_decay: f64) -> Self {
        let momentum = MomentumConfig::new()
            .with_momentum(momentum)
            .with_dampening(0.0);
        let decay = (weight_decay > 0.0).then(|| WeightDecayConfig::new(weight_decay as f32));
        let config = SgdConfig::new()
            .with_momentum(Some(momentum))
            .with_weight_decay(decay);
        Self::Sgd(config.build())
    }

    /// The rule for tensors of any rank.
    pub(super) fn as_dyn(&self) -> &dyn DynOptimizer {
        match self {
            Self::AdamW(rule) => rule,
            Self::Adafactor(rule, _) => rule,
            Self::Muon(rule) => rule,
            Self::Sgd(rule) => rule,
        }
    }

    /// What the state of a parameter of this shape consists of.
    pub(super) fn entries(&self, shape: &[usize]) -> Vec<Entry> {
        let same = |leaf| Entry::Tensor(leaf, shape.to_vec());
        let count = Entry::Scalar("num_updates");
        match self {
            Self::AdamW(_) => vec![same("first"), same("second"), count],
            Self::Muon(_) | Self::Sgd(_) => vec![same("momentum.velocity")],
            Self::Adafactor(_, config) => {
                let mut entries = vec![count];
                entries.extend(config.beta1.map(|_| same("first")));
                match shape {
                    [outer @ .., rows, columns] if config.is_factored(shape) => {
                        let side = |sides: [usize; 2]| [outer, &sides].concat();
                        entries.push(Entry::Tensor("second_rows", side([*rows, 1])));
                        entries.push(Entry::Tensor("second_columns", side([1, *columns])));
                    }
                    _ => entries.push(same("second")),
                }
                entries
            }
        }
    }
}
