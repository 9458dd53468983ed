//! The rule of one parameter, whichever its kind.

use burn::tensor::Tensor;
use burn_optim::decay::WeightDecayConfig;
use burn_optim::momentum::MomentumConfig;
use burn_optim::{DynOptimizer, DynState, LearningRate, Sgd, SgdConfig};
use lamplight_kernels::adamw::Updates;

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

/// A parameter without gradients of its own, and the state of its rule; none before the first update.
pub(super) struct Updated<const D: usize> {
    pub(super) parameter: Tensor<D>,
    pub(super) state: Option<DynState>,
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

    /// Whether a factor of NaN leaves parameter and moments as they are. What is composed of Burn's operations replaces
    /// them by what those give.
    pub(super) fn is_guarded(&self) -> bool {
        matches!(self, Self::AdamW(_))
    }

    /// Parameter and state after one more gradient, times the factor of `updates`; those of AdamW are there when `updates`
    /// is finished.
    pub(super) fn update<const D: usize>(
        &self,
        learning_rate: LearningRate,
        old: Updated<D>,
        gradient: Tensor<D>,
        updates: &mut Updates,
    ) -> Updated<D> {
        if let Self::AdamW(rule) = self {
            let state = old.state.map(DynState::downcast);
            let (parameter, state) =
                rule.update(learning_rate, old.parameter, gradient, state, updates);
            return Updated {
                parameter,
                state: Some(DynState::create(state, D)),
            };
        }
        let gradient = match updates.factor() {
            Some(factor) => gradient * factor.reshape([1; D]),
            None => gradient,
        };
        let (parameter, state) = self.as_dyn().step_dyn(
            D,
            learning_rate,
            old.parameter.into_bridge(),
            gradient.into_bridge(),
            old.state,
        );
        Updated {
            parameter: Tensor::from_bridge(parameter),
            state,
        }
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
