//! `[optimizer]`: the update rule, and what differs for some parameters.

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::RecipeError;
use super::check::{count, refused, unused, within};
use crate::optimizer::{AdafactorConfig, AdamWConfig, MuonRatio, OptimizerKind};

/// `[optimizer]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerSettings {
    /// The update rule.
    pub kind: OptimizerKind,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Weight decay; norms and biases are spared.
    #[serde(default)]
    pub weight_decay: f64,
    /// The kinds of Adam, and Muon for what is no matrix of a block: decay rates of the moments.
    #[serde(default)]
    pub betas: Option<[f64; 2]>,
    /// As `betas`: added to the root of the second moment.
    #[serde(default)]
    pub epsilon: Option<f64>,
    /// Muon and SGD: decay rate of the momentum.
    #[serde(default)]
    pub momentum: Option<f64>,
    /// Muon: how the update of a matrix is scaled by its shape.
    #[serde(default)]
    pub muon_ratio: Option<MuonRatio>,
    /// Adafactor: decay rate of the first moment; absent for none.
    #[serde(default)]
    pub beta1: Option<f64>,
    /// Adafactor: the second moment's decay rate is `1 - step^-decay_exponent`.
    #[serde(default)]
    pub decay_exponent: Option<f64>,
    /// Adafactor: limit on the root mean square of an update.
    #[serde(default)]
    pub clip_threshold: Option<f64>,
    /// Adafactor: whether an update is scaled by the root mean square of its parameter.
    #[serde(default)]
    pub scale_parameter: Option<bool>,
    /// Adafactor: matrices with both sides at least this long keep their second moment factored.
    #[serde(default)]
    pub min_dim_size_to_factor: Option<usize>,
    /// Factor on the learning rate for each layer below the head.
    #[serde(default)]
    pub layer_decay: Option<f64>,
    /// One more such factor between the last layer and the head, as ELECTRA's own fine-tuning has.
    #[serde(default)]
    pub layer_decay_gap: Option<bool>,
    /// Parameters that are treated differently; a later group wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupSettings>,
}

/// `[[optimizer.groups]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSettings {
    /// A regular expression that is searched for in Hugging Face's name of a parameter.
    pub pattern: String,
    /// Factor on the learning rate.
    #[serde(default)]
    pub learning_rate_factor: Option<f64>,
    /// Weight decay in place of the recipe's, for norms and biases too.
    #[serde(default)]
    pub weight_decay: Option<f64>,
}

impl OptimizerSettings {
    /// What AdamW needs, for the kinds that use it.
    pub fn adamw(&self) -> AdamWConfig {
        AdamWConfig {
            betas: self.betas.unwrap_or([0.9, 0.999]),
            epsilon: self.epsilon.unwrap_or(1e-6),
            weight_decay: self.weight_decay,
            bias_correction: self.kind != OptimizerKind::ElectraAdam,
            scale_parameter: self.kind == OptimizerKind::AdamwScaled,
        }
    }

    /// What Adafactor needs.
    pub fn adafactor(&self) -> AdafactorConfig {
        AdafactorConfig {
            beta1: self.beta1,
            decay_exponent: self.decay_exponent.unwrap_or(0.8),
            clip_threshold: self.clip_threshold.unwrap_or(1.0),
            scale_parameter: self.scale_parameter.unwrap_or(true),
            min_dim_size_to_factor: self.min_dim_size_to_factor.unwrap_or(128),
            weight_decay: self.weight_decay,
        }
    }

    /// `momentum`, by default Muon's 0.95 or SGD's usual 0.9.
    pub fn momentum(&self) -> f64 {
        let default = match self.kind {
            OptimizerKind::Muon => 0.95,
            _ => 0.9,
        };
        self.momentum.unwrap_or(default)
    }

    /// Checks every value, and that the kind reads every key given.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        self.check_keys()?;
        rate("optimizer.learning_rate", self.learning_rate)?;
        decay("optimizer.weight_decay", self.weight_decay)?;
        for beta in self.adamw().betas {
            below_one("optimizer.betas", beta)?;
        }
        positive("optimizer.epsilon", self.adamw().epsilon)?;
        below_one("optimizer.momentum", self.momentum())?;
        below_one("optimizer.beta1", self.beta1.unwrap_or(0.0))?;
        positive("optimizer.clip_threshold", self.adafactor().clip_threshold)?;
        positive("optimizer.decay_exponent", self.adafactor().decay_exponent)?;
        let side = self.adafactor().min_dim_size_to_factor;
        count("optimizer.min_dim_size_to_factor", side, 1, 1 << 40)?;
        let layer_decay = self.layer_decay.unwrap_or(1.0);
        within(
            "optimizer.layer_decay",
            layer_decay,
            layer_decay > 0.0 && layer_decay <= 1.0,
            "above 0 and at most 1",
        )?;
        self.groups.iter().try_for_each(GroupSettings::check)
    }

    /// Keys of one kind, given with another, are errors.
    fn check_keys(&self) -> Result<(), RecipeError> {
        use OptimizerKind::{Adafactor, Adamw, AdamwScaled, ElectraAdam, Muon, Sgd};
        let adam: &[_] = &[Adamw, AdamwScaled, ElectraAdam, Muon];
        for (key, is_given, readers) in [
            ("optimizer.betas", self.betas.is_some(), adam),
            ("optimizer.epsilon", self.epsilon.is_some(), adam),
            ("optimizer.momentum", self.momentum.is_some(), &[Muon, Sgd]),
            ("optimizer.muon_ratio", self.muon_ratio.is_some(), &[Muon]),
            ("optimizer.beta1", self.beta1.is_some(), &[Adafactor]),
            (
                "optimizer.decay_exponent",
                self.decay_exponent.is_some(),
                &[Adafactor],
            ),
            (
                "optimizer.clip_threshold",
                self.clip_threshold.is_some(),
                &[Adafactor],
            ),
            (
                "optimizer.scale_parameter",
                self.scale_parameter.is_some(),
                &[Adafactor],
            ),
            (
                "optimizer.min_dim_size_to_factor",
                self.min_dim_size_to_factor.is_some(),
                &[Adafactor],
            ),
        ] {
            if is_given && !readers.contains(&self.kind) {
                return unused(key, self.kind.context());
            }
        }
        match (self.layer_decay, self.layer_decay_gap) {
            (None, Some(_)) => unused("optimizer.layer_decay_gap", "no optimizer.layer_decay"),
            _ => Ok(()),
        }
    }
}

impl GroupSettings {
    fn check(&self) -> Result<(), RecipeError> {
        self.regex()?;
        if self.learning_rate_factor.is_none() && self.weight_decay.is_none() {
            return Err(refused(
                "optimizer.groups.pattern",
                format!("`{}` alone", self.pattern),
                "given with learning_rate_factor, weight_decay or both",
            ));
        }
        rate(
            "optimizer.groups.learning_rate_factor",
            self.learning_rate_factor.unwrap_or(1.0),
        )?;
        decay(
            "optimizer.groups.weight_decay",
            self.weight_decay.unwrap_or(0.0),
        )
    }

    /// The pattern.
    ///
    /// # Errors
    /// It is no regular expression.
    pub(crate) fn regex(&self) -> Result<Regex, RecipeError> {
        Regex::new(&self.pattern).map_err(|error| {
            let expected = format!("a regular expression: {error}");
            refused(
                "optimizer.groups.pattern",
                format!("`{}`", self.pattern),
                &expected,
            )
        })
    }
}

/// Positive, finite, and still positive where parameters are updated, which is in f32.
fn rate(key: &str, value: f64) -> Result<(), RecipeError> {
    let is_valid = value.is_finite() && value as f32 > 0.0;
    within(key, value, is_valid, "positive and finite in f32")
}

fn positive(key: &str, value: f64) -> Result<(), RecipeError> {
    within(
        key,
        value,
        value > 0.0 && value.is_finite(),
        "positive and finite",
    )
}

fn decay(key: &str, value: f64) -> Result<(), RecipeError> {
    within(key, value, (0.0..1e6).contains(&value), "at least 0")
}

fn below_one(key: &str, value: f64) -> Result<(), RecipeError> {
    within(
        key,
        value,
        (0.0..1.0).contains(&value),
        "at least 0 and below 1",
    )
}

#[cfg(test)]
mod tests;
