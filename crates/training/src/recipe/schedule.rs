//! `[schedule]`: the learning rate over the steps.

use serde::{Deserialize, Serialize};

use super::check::{count, refused, unused, within};
use super::{Recipe, RecipeError};
use crate::schedule::{Schedule, ScheduleKind};

/// `[schedule]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSettings {
    /// The form.
    pub kind: ScheduleKind,
    /// Steps of warm-up; by default none.
    #[serde(default)]
    pub warmup_steps: Option<usize>,
    /// In their place: warm-up as a fraction of the run, not rounded to steps.
    #[serde(default)]
    pub warmup_fraction: Option<f64>,
    /// Linear and cosine: where the decay ends; by default 0.
    #[serde(default)]
    pub final_learning_rate: Option<f64>,
    /// Inverse square root: steps in which the rate falls to `1 / sqrt(2)` of the peak; by default
    /// as many as the warm-up has.
    #[serde(default)]
    pub timescale: Option<usize>,
}

impl Recipe {
    /// Sets the steps, where they are left out, to those that `training.epochs` makes of so many
    /// examples.
    ///
    /// # Errors
    /// The schedule has no room in them.
    pub(crate) fn count_steps(&mut self, num_examples: usize) -> Result<(), RecipeError> {
        let training = &mut self.training;
        let Some(epochs) = training.epochs.take().filter(|_| training.steps == 0) else {
            return Ok(());
        };
        let per_step = training.batch_size * training.accumulation;
        let steps = epochs * num_examples as f64 / per_step as f64;
        training.steps = (steps.ceil() as usize).max(1);
        self.check_schedule()
    }

    /// The schedule of the learning rate.
    pub fn schedule(&self) -> Schedule {
        let settings = &self.schedule;
        let num_steps = self.training.steps;
        let fraction = settings.warmup_fraction.unwrap_or(0.0) * num_steps as f64;
        let warmup_steps = settings.warmup_steps.map_or(fraction, |steps| steps as f64);
        Schedule {
            kind: settings.kind,
            learning_rate: self.optimizer.learning_rate,
            final_learning_rate: settings.final_learning_rate.unwrap_or(0.0),
            warmup_steps,
            timescale: settings
                .timescale
                .map_or(warmup_steps, |steps| steps as f64),
            num_steps,
        }
    }

    /// Checks `[schedule]` and that no update after the first has a learning rate of 0.
    pub(super) fn check_schedule(&self) -> Result<(), RecipeError> {
        use ScheduleKind::{Cosine, InverseSqrt, Linear};
        let settings = &self.schedule;
        let context = settings.kind.context();
        if settings.warmup_steps.is_some() && settings.warmup_fraction.is_some() {
            return unused("schedule.warmup_fraction", "schedule.warmup_steps");
        }
        if settings.final_learning_rate.is_some() && !matches!(settings.kind, Linear | Cosine) {
            return unused("schedule.final_learning_rate", context);
        }
        if settings.timescale.is_some() && settings.kind != InverseSqrt {
            return unused("schedule.timescale", context);
        }
        count(
            "schedule.warmup_steps",
            settings.warmup_steps.unwrap_or(0),
            0,
            1 << 40,
        )?;
        count(
            "schedule.timescale",
            settings.timescale.unwrap_or(1),
            1,
            1 << 40,
        )?;
        let fraction = settings.warmup_fraction.unwrap_or(0.0);
        within(
            "schedule.warmup_fraction",
            fraction,
            (0.0..1.0).contains(&fraction),
            "at least 0 and below 1",
        )?;
        let floor = settings.final_learning_rate.unwrap_or(0.0);
        within(
            "schedule.final_learning_rate",
            floor,
            (0.0..self.optimizer.learning_rate).contains(&floor),
            "at least 0 and below optimizer.learning_rate",
        )?;
        self.check_rates()
    }

    /// The forms rise at most from 0 and fall at most to 0, so the last update, and the second
    /// where that is another, tell of all.
    fn check_rates(&self) -> Result<(), RecipeError> {
        let schedule = self.schedule();
        let last = self.training.steps.saturating_sub(1);
        let is_zero = |step: usize| schedule.at(step) as f32 <= 0.0;
        let Some(step) = [last.min(1), last].into_iter().find(|step| is_zero(*step)) else {
            return Ok(());
        };
        let key = match self.schedule.warmup_fraction {
            Some(_) => "schedule.warmup_fraction",
            None => "schedule.warmup_steps",
        };
        Err(refused(
            key,
            format!("{} steps", schedule.warmup_steps),
            &format!(
                "short enough that update {} of {} has a learning rate above 0: lower it or raise training.steps",
                step + 1,
                last + 1
            ),
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn load(overrides: &[&str]) -> Result<Recipe, RecipeError> {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        Recipe::load("t5_v1_1_small", &overrides).map(|(_, recipe)| recipe)
    }

    /// The schedule of the preset in another form, without its warm-up.
    fn form(kind: &str, keys: &str) -> String {
        format!("schedule={{ kind = \"{kind}\", {keys} }}")
    }

    #[test]
    fn warmup_is_a_number_of_steps_or_a_fraction_that_is_not_rounded() {
        let fraction = form("linear", "warmup_fraction = 0.1");
        let recipe = load(&["training.steps=12", &fraction]).unwrap();
        assert!((recipe.schedule().warmup_steps - 1.2).abs() < 1e-12);
        let error = load(&[&form("linear", "warmup_fraction = 0.1, warmup_steps = 3")]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("schedule.warmup_fraction"), "{error}");
    }

    #[test]
    fn keys_of_another_form_are_refused() {
        for (kind, key, value) in [
            ("constant", "final_learning_rate", "1e-6"),
            ("inverse_sqrt", "final_learning_rate", "1e-6"),
            ("linear", "timescale", "10"),
            ("inverse_sqrt_flat", "timescale", "10"),
        ] {
            let error = load(&[&form(kind, &format!("{key} = {value}"))]).unwrap_err();
            let expected = format!("`schedule.{key}` is not read");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }

    #[test]
    fn absurd_values_are_refused_by_key() {
        for (kind, key, value) in [
            ("linear", "warmup_fraction", "1.0"),
            ("linear", "warmup_fraction", "-0.1"),
            ("linear", "warmup_fraction", "nan"),
            ("cosine", "final_learning_rate", "-1e-9"),
            ("cosine", "final_learning_rate", "1e3"),
            ("inverse_sqrt", "timescale", "0"),
        ] {
            let error = load(&[&form(kind, &format!("{key} = {value}"))]).unwrap_err();
            assert!(
                error.to_string().contains(&format!("`schedule.{key}` is")),
                "{error}"
            );
        }
    }

    #[test]
    fn run_whose_only_update_has_no_learning_rate_is_refused() {
        for kind in ["constant", "linear", "cosine", "inverse_sqrt", "electra"] {
            for (key, value) in [("warmup_steps", "5"), ("warmup_fraction", "0.5")] {
                let form = form(kind, &format!("{key} = {value}"));
                let error = load(&["training.steps=1", &form]).unwrap_err().to_string();
                assert!(error.contains(&format!("`schedule.{key}` is")), "{error}");
                assert!(error.contains("update 1 of 1"), "{error}");
            }
        }
        for kind in ["inverse_sqrt_flat", "relative_step"] {
            assert!(load(&["training.steps=1", &form(kind, "warmup_steps = 5")]).is_ok());
        }
    }

    #[test]
    fn rate_that_vanishes_in_f32_is_refused() {
        let form = form("constant", "warmup_steps = 1000000000");
        let error = load(&["training.steps=9", "optimizer.learning_rate=1e-38", &form]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("update 2 of 9"), "{error}");
    }
}
