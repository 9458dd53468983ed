//! From the recipe's `[optimizer]` to an optimizer of a whole module.

mod adamw;

pub use adamw::{AdamW, AdamWState};

use burn::module::ParamGroup;
use burn_optim::ModuleOptimizer;
use serde::{Deserialize, Serialize};

/// Parts of a parameter's path that say it is a norm's scale or shift or a bias, whose weights are
/// not decayed. A relative position bias counts as a bias.
const NOT_DECAYED: [&str; 3] = ["bias", "gamma", "beta"];

/// The update rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Adam with bias correction and decoupled weight decay (Loshchilov and Hutter 2019).
    Adamw,
    /// The same without bias correction, as ELECTRA was trained.
    ElectraAdam,
}

/// What an AdamW needs beyond the learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWConfig {
    /// Decay rates of the two moments.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay; multiplied by the learning rate at each step.
    pub weight_decay: f64,
    /// Whether moments are divided by `1 - beta^t`.
    pub bias_correction: bool,
}

impl AdamWConfig {
    /// An optimizer that decays every parameter.
    pub fn init(self) -> ModuleOptimizer {
        ModuleOptimizer::from(AdamW::new(self))
    }

    /// An optimizer that spares biases and the parameters of norms from weight decay.
    pub fn init_sparing_norms(self) -> ModuleOptimizer {
        let spared = Self {
            weight_decay: 0.0,
            ..self
        };
        self.init()
            .with_group(not_decayed(), AdamW::new(spared), None)
    }
}

/// Biases and the parameters of norms.
fn not_decayed() -> ParamGroup {
    ParamGroup::from_any_predicates(NOT_DECAYED.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::ParamId;

    #[test]
    fn norms_and_biases_are_spared_from_decay() {
        let group = not_decayed();
        let spared = |path| group.matches(&ParamId::new(), Some(path));
        assert!(spared("encoder.block.0.self_attention_norm.gamma"));
        assert!(spared("discriminator.embeddings.norm.beta"));
        assert!(spared("discriminator.encoder.layer.1.output.bias"));
        assert!(spared("encoder.relative_position_bias.weight"));
        assert!(!spared("encoder.block.0.self_attention.query.weight"));
        assert!(!spared("shared.weight"));
    }
}
