//! Which rule a parameter has, by its name and shape.

use regex::Regex;

use super::adafactor::Adafactor;
use super::adamw::{AdamW, AdamWConfig};
use super::layer_decay::{LayerDecay, is_in_layer};
use super::muon::Muon;
use super::update_rule::UpdateRule;
use super::{AdafactorConfig, OptimizerError, OptimizerKind};
use crate::TrainingError;
use crate::recipe::{GroupSettings, OptimizerSettings};

/// Parts of a name that say it is a norm's scale or shift or a bias, whose weights are not decayed.
/// T5's relative position bias counts as a bias.
const NOT_DECAYED: [&str; 3] = ["norm", "Norm", "bias"];

/// Names that an error gives as examples.
const NUM_EXAMPLES: usize = 4;

/// The `[optimizer]` of a recipe, made ready for the parameters of one model.
pub(super) struct Rules {
    settings: OptimizerSettings,
    groups: Vec<(Regex, GroupSettings)>,
    layer_decay: LayerDecay,
}

impl Rules {
    /// The rules for a model of these parameters.
    ///
    /// # Errors
    /// A group's pattern is no regular expression, or matches no parameter.
    pub(super) fn new(settings: &OptimizerSettings, names: &[&str]) -> Result<Self, TrainingError> {
        let mut groups = Vec::with_capacity(settings.groups.len());
        for group in &settings.groups {
            let regex = group.regex()?;
            if !names.iter().any(|name| regex.is_match(name)) {
                let spacing = names.len().div_ceil(NUM_EXAMPLES).max(1);
                let examples: Vec<&str> = names.iter().step_by(spacing).copied().collect();
                return Err(TrainingError::Optimizer(OptimizerError::NoMatch {
                    pattern: group.pattern.clone(),
                    examples: examples.join(", "),
                }));
            }
            groups.push((regex, group.clone()));
        }
        let decay = settings.layer_decay.unwrap_or(1.0);
        let has_gap = settings.layer_decay_gap.unwrap_or(false);
        Ok(Self {
            settings: settings.clone(),
            groups,
            layer_decay: LayerDecay::new(decay, has_gap, names.iter().copied()),
        })
    }

    /// The factor on the learning rate of a parameter: its group's, times its layer's.
    pub(super) fn learning_rate_factor(&self, name: &str) -> f64 {
        let group = self.last_of_groups(name, |group| group.learning_rate_factor);
        group.unwrap_or(1.0) * self.layer_decay.factor(name)
    }

    /// The update rule of a parameter.
    pub(super) fn update_rule(&self, name: &str, rank: usize) -> UpdateRule {
        let is_spared = NOT_DECAYED.iter().any(|part| name.contains(part));
        let default = if is_spared {
            0.0
        } else {
            self.settings.weight_decay
        };
        let group = self.last_of_groups(name, |group| group.weight_decay);
        let weight_decay = group.unwrap_or(default);
        let adamw = AdamWConfig {
            weight_decay,
            ..self.settings.adamw()
        };
        let adafactor = AdafactorConfig {
            weight_decay,
            ..self.settings.adafactor()
        };
        let momentum = self.settings.momentum();
        match self.settings.kind {
            OptimizerKind::Adafactor => UpdateRule::Adafactor(Adafactor::new(adafactor), adafactor),
            OptimizerKind::Sgd => UpdateRule::sgd(momentum, weight_decay),
            OptimizerKind::Muon if rank == 2 && !is_spared && is_in_layer(name) => {
                let ratio = self.settings.muon_ratio.unwrap_or_default();
                UpdateRule::Muon(Muon::new(momentum, ratio, weight_decay))
            }
            OptimizerKind::Adamw
            | OptimizerKind::AdamwScaled
            | OptimizerKind::ElectraAdam
            | OptimizerKind::Muon => UpdateRule::AdamW(AdamW::new(adamw)),
        }
    }

    /// What the last of the parameter's groups that sets it says.
    fn last_of_groups(&self, name: &str, key: fn(&GroupSettings) -> Option<f64>) -> Option<f64> {
        let groups = self.groups.iter().rev();
        let mut matching = groups.filter(|(regex, _)| regex.is_match(name));
        matching.find_map(|(_, group)| key(group))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    const NAMES: [&str; 6] = [
        "shared.weight",
        "encoder.block.0.layer.0.SelfAttention.q.weight",
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "encoder.block.1.layer.0.layer_norm.weight",
        "encoder.final_layer_norm.weight",
        "discriminator.electra.embeddings.LayerNorm.weight",
    ];

    fn rules(overrides: &[&str]) -> Result<Rules, TrainingError> {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        let (_, recipe) = Recipe::load("t5_tiny", &overrides).unwrap();
        Rules::new(&recipe.optimizer, &NAMES)
    }

    #[test]
    fn pattern_without_a_parameter_names_itself_and_some_that_exist() {
        let group = "optimizer.groups=[{ pattern = \"wi_0\", weight_decay = 0.1 }]";
        let error = rules(&[group]).err().unwrap().to_string();
        assert!(error.contains("`wi_0`"), "{error}");
        assert!(error.contains("shared.weight, encoder.block.0"), "{error}");
    }

    #[test]
    fn later_group_wins_where_it_sets_a_key() {
        let groups = "optimizer.groups=[{ pattern = \"encoder\", learning_rate_factor = 0.5 }, \
            { pattern = \"block\\\\.0\", learning_rate_factor = 0.25 }, \
            { pattern = \"q\\\\.weight$\", weight_decay = 0.1 }]";
        let rules = rules(&[groups]).unwrap();
        let factors = NAMES.map(|name| rules.learning_rate_factor(name));
        assert_eq!(factors, [1.0, 0.25, 0.25, 0.5, 0.5, 1.0]);
    }

    #[test]
    fn muon_takes_the_matrices_of_the_layers_alone() {
        let rules = rules(&["optimizer.kind=muon"]).unwrap();
        let is_muon =
            |name: &str, rank| matches!(rules.update_rule(name, rank), UpdateRule::Muon(_));
        let taken = NAMES.map(|name| is_muon(name, 2));
        assert_eq!(taken, [false, true, false, false, false, false]);
        assert!(!is_muon(NAMES[1], 1));
    }
}
