//! Values that make no sense are refused before any work.

use super::objective::SHARE;
use super::{Family, Recipe, RecipeError, TokenizerKind};
use crate::lora::LoraSettings;

/// More than this of anything is a slip of the keyboard.
const MAX_COUNT: usize = 1 << 40;
/// Longest sequence that is believed.
pub(super) const MAX_LENGTH: usize = 1 << 20;

impl Recipe {
    /// Checks every value, and that every key given is one that is read.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        self.check_model()?;
        self.check_data()?;
        self.check_objective_keys()?;
        self.lora.as_ref().map_or(Ok(()), LoraSettings::check)?;
        self.optimizer.check()?;
        self.check_training()?;
        // Of epochs the steps are not known yet.
        if self.training.steps > 0 {
            self.check_schedule()?;
        }
        self.stability.check()?;
        self.check_evaluation()?;
        self.check_checkpoints()
    }

    fn check_model(&self) -> Result<(), RecipeError> {
        let model = &self.model;
        let objective = self.data.objective;
        if objective.family() != model.family {
            return Err(refused(
                "data.objective",
                format!("{objective:?}"),
                match model.family {
                    Family::Electra => {
                        "replaced_token_detection or a head's objective, such as sequence_classification, with family electra"
                    }
                    Family::T5 => "an objective of T5's, such as span_corruption, with family t5",
                },
            ));
        }
        match (model.family, model.generator_size) {
            (Family::T5, Some(_)) => unused("model.generator_size", "family t5"),
            (Family::Electra, Some(_)) if objective.is_labelled() => {
                unused("model.generator_size", "the objective of a head")
            }
            (Family::Electra, None) if objective.is_labelled() => Ok(()),
            (Family::Electra, size) => {
                let size = size.unwrap_or(f64::NAN);
                within(
                    "model.generator_size",
                    size,
                    size > 0.0 && size <= 1.0,
                    "above 0 and at most 1",
                )
            }
            (Family::T5, None) => Ok(()),
        }
    }

    fn check_data(&self) -> Result<(), RecipeError> {
        let data = &self.data;
        count("data.inputs_length", data.inputs_length, 4, MAX_LENGTH)?;
        for (key, fraction) in [
            ("data.held_out", data.held_out),
            ("data.max_bad_fraction", data.max_bad_fraction),
        ] {
            within(key, fraction, (SHARE.0)(fraction), SHARE.1)?;
        }
        if let Some(tokenizer) = &data.train_tokenizer {
            let minimum = match tokenizer.kind {
                TokenizerKind::WordPiece => 32,
                TokenizerKind::Unigram => 256,
            };
            count(
                "data.train_tokenizer.vocab_size",
                tokenizer.vocab_size,
                minimum,
                1 << 22,
            )?;
        }
        match (data.corpus, data.num_examples) {
            (Some(_), number) => count("data.num_examples", number.unwrap_or(0), 1, 1 << 28),
            (None, Some(_)) => unused("data.num_examples", "no data.corpus"),
            (None, None) => Ok(()),
        }
    }

    fn check_training(&self) -> Result<(), RecipeError> {
        let training = &self.training;
        let fewest_steps = usize::from(training.epochs.is_none());
        count("training.steps", training.steps, fewest_steps, MAX_COUNT)?;
        for (key, value) in [
            ("training.batch_size", training.batch_size),
            ("training.accumulation", training.accumulation),
            ("training.evaluate_every", training.evaluate_every),
            ("training.checkpoint_every", training.checkpoint_every),
            ("training.log_every", training.log_every),
            ("training.patience", training.patience.unwrap_or(1)),
        ] {
            count(key, value, 1, MAX_COUNT)?;
        }
        if let (Some(patience), None) = (training.patience, &self.checkpoints.best_score) {
            let expected = "given with checkpoints.best_score, which names the score to better";
            return Err(refused("training.patience", patience, expected));
        }
        let limit = training.clip_norm.unwrap_or(1.0);
        within(
            "training.clip_norm",
            limit,
            limit > 0.0 && limit.is_finite(),
            "positive and finite",
        )
    }
}

pub(crate) fn refused(key: &str, value: impl ToString, expected: &str) -> RecipeError {
    RecipeError::Value {
        key: key.to_owned(),
        value: value.to_string(),
        expected: expected.to_owned(),
    }
}

pub(crate) fn within(
    key: &str,
    value: f64,
    is_valid: bool,
    expected: &str,
) -> Result<(), RecipeError> {
    if is_valid {
        Ok(())
    } else {
        Err(refused(key, value, expected))
    }
}

pub(crate) fn count(
    key: &str,
    value: usize,
    minimum: usize,
    maximum: usize,
) -> Result<(), RecipeError> {
    if (minimum..=maximum).contains(&value) {
        Ok(())
    } else {
        Err(refused(
            key,
            value,
            &format!("between {minimum} and {maximum}"),
        ))
    }
}

pub(super) fn unused(key: &'static str, context: &'static str) -> Result<(), RecipeError> {
    Err(RecipeError::Unused { key, context })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn absurd_values_are_refused_by_key() {
        for (preset, key, value) in [
            ("quickstart_t5", "training.steps", "0"),
            ("electra_tagging", "training.epochs", "0.0"),
            ("electra_tagging", "training.epochs", "nan"),
            ("quickstart_t5", "training.batch_size", "0"),
            ("quickstart_t5", "training.accumulation", "0"),
            ("quickstart_t5", "training.clip_norm", "-1"),
            ("quickstart_t5", "stability.max_skips_in_a_row", "0"),
            ("quickstart_t5", "stability.spike_threshold", "0"),
            ("quickstart_t5", "stability.spike_threshold", "inf"),
            ("quickstart_t5", "checkpoints.keep_last", "0"),
            ("t5_small_v1_0", "training.patience", "0"),
            ("quickstart_t5", "training.patience", "2"),
            ("quickstart_t5", "optimizer.learning_rate", "nan"),
            ("quickstart_t5", "optimizer.learning_rate", "-0.1"),
            ("quickstart_t5", "optimizer.learning_rate", "inf"),
            ("quickstart_t5", "optimizer.betas", "[0.9, 1.0]"),
            ("quickstart_t5", "optimizer.weight_decay", "-0.1"),
            ("quickstart_t5", "data.inputs_length", "0"),
            ("quickstart_t5", "data.held_out", "1.0"),
            ("quickstart_t5", "data.max_bad_fraction", "nan"),
            ("quickstart_t5", "data.targets_length", "0"),
            ("quickstart_t5", "training.label_smoothing", "1.0"),
            ("quickstart_t5", "training.label_smoothing", "-0.1"),
            ("quickstart_t5", "lora", "{ rank = 0, alpha = 8.0 }"),
            ("quickstart_t5", "lora", "{ rank = 4, alpha = nan }"),
            (
                "quickstart_t5",
                "lora",
                "{ rank = 4, alpha = 8.0, targets = [] }",
            ),
            (
                "quickstart_t5",
                "lora",
                "{ rank = 4, alpha = 8.0, targets = ['('] }",
            ),
            ("quickstart_electra", "model.generator_size", "0"),
            ("quickstart_electra", "data.mask_fraction", "1.5"),
            ("electra_small", "data.mask_fraction", "nan"),
            ("t5_v1_1_small", "data.noise_density", "0"),
            ("t5_v1_1_small", "data.mean_span_length", "0.5"),
            ("quickstart_t5", "data.mixture", "{ temperature = 0.5 }"),
            ("quickstart_t5", "data.mixture", "{ limit = 0.0 }"),
        ] {
            let overrides = [format!("{key}={value}")];
            let error = Recipe::load(preset, &overrides).unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}")), "{key}={value}: {error}");
        }
    }

    #[test]
    fn keys_that_nothing_reads_are_refused() {
        for (preset, key, value) in [
            ("electra_small", "training.z_loss", "1e-4"),
            ("electra_small", "training.label_smoothing", "0.1"),
            ("electra_small", "training.epochs", "3.0"),
            ("electra_small", "data.noise_density", "0.15"),
            ("t5_v1_1_small", "data.mask_fraction", "0.15"),
            ("t5_v1_1_small", "model.generator_size", "0.25"),
            ("electra_tagging", "model.answer_head", "'joint'"),
            ("t5_v1_1_small", "data.targets_length", "10"),
            ("t5_v1_1_small", "data.num_examples", "10"),
            ("t5_v1_1_small", "data.arrangement", "'packed'"),
            ("t5_v1_1_small", "data.mixture", "{ temperature = 2.0 }"),
            ("t5_v1_1_small", "data.building", "'packed'"),
            (
                "quickstart_t5",
                "data.denoisers",
                "{ regular = 1.0, sequential = 1.0, extreme = 1.0 }",
            ),
        ] {
            let overrides = [format!("{key}={value}")];
            let error = Recipe::load(preset, &overrides).unwrap_err().to_string();
            assert!(error.contains("is not read"), "{key}: {error}");
        }
    }

    #[test]
    fn precision_without_the_exponent_is_refused_with_a_reason() {
        let error = |name: &str| {
            let overrides = [format!("training.precision={name}")];
            Recipe::load("t5_tiny", &overrides).unwrap_err().to_string()
        };
        assert!(error("fp16").contains("use bf16"), "{}", error("fp16"));
        assert!(error("int8").contains("f32 and bf16"), "{}", error("int8"));
    }

    #[test]
    fn objective_of_the_other_family_is_refused() {
        let overrides = ["data.objective=span_corruption".to_owned()];
        let error = Recipe::load("electra_small", &overrides)
            .unwrap_err()
            .to_string();
        assert!(error.contains("data.objective"), "{error}");
    }
}
