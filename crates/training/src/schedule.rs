//! Learning rate schedules.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The form of a schedule. Steps count from zero: update `step` is the one after `step` others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Linear warm-up from 0, then flat.
    Constant,
    /// Linear warm-up from 0, then linear to the final learning rate after the last step.
    Linear,
    /// Linear warm-up from 0, then half a cosine to the final learning rate after the last step.
    Cosine,
    /// Linear warm-up from 0, then `sqrt(timescale / (step - warmup + timescale))`; with the warm-up
    /// as timescale `sqrt(warmup / step)`, T5X's `linear_warmup * rsqrt_decay`.
    InverseSqrt,
    /// T5's pre-training (T5 section 3.1.2): `1 / sqrt(max(step, warmup))`, so flat during the
    /// warm-up steps and without a ramp; scaled so that the flat part is the learning rate.
    InverseSqrtFlat,
    /// ELECTRA's pre-training: the product of the linear warm-up and a linear decay that starts at
    /// step 0, `min(1, step / warmup) * (1 - step / steps)`.
    Electra,
    /// Adafactor's relative step (Shazeer and Stern 2018, section 8): with `t = step + 1` the least of
    /// the learning rate, `1 / sqrt(t)` and, where there is a warm-up, `t / warmup` of the learning
    /// rate. With 0.01 and 10000 steps that is `warmup_init` of other implementations.
    RelativeStep,
}

impl ScheduleKind {
    /// The kind as a clause of an error.
    pub(crate) fn context(self) -> &'static str {
        match self {
            Self::Constant => "schedule constant",
            Self::Linear => "schedule linear",
            Self::Cosine => "schedule cosine",
            Self::InverseSqrt => "schedule inverse_sqrt",
            Self::InverseSqrtFlat => "schedule inverse_sqrt_flat",
            Self::Electra => "schedule electra",
            Self::RelativeStep => "schedule relative_step",
        }
    }
}

/// A schedule with its lengths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The form.
    pub kind: ScheduleKind,
    /// The highest learning rate of the form (ELECTRA's product stays a little below it).
    pub learning_rate: f64,
    /// Where the linear and the cosine decay end.
    pub final_learning_rate: f64,
    /// Steps of warm-up, not necessarily whole; 0 for none.
    pub warmup_steps: f64,
    /// Steps of the inverse square root's decay to `1 / sqrt(2)`.
    pub timescale: f64,
    /// Steps of the whole run.
    pub num_steps: usize,
}

impl Schedule {
    /// The learning rate of the update `step`, counted from zero.
    pub fn at(&self, step: usize) -> f64 {
        let step = step as f64;
        let num_steps = self.num_steps as f64;
        let warmup = self.warmup_steps;
        let ramp = if step < warmup { step / warmup } else { 1.0 };
        let decay = match self.kind {
            ScheduleKind::RelativeStep => return self.relative_step(step + 1.0),
            ScheduleKind::InverseSqrtFlat => (warmup.max(1.0) / step.max(warmup).max(1.0)).sqrt(),
            ScheduleKind::Electra => 1.0 - step.min(num_steps) / num_steps,
            ScheduleKind::Constant => 1.0,
            ScheduleKind::InverseSqrt => {
                let timescale = self.timescale.max(1.0);
                (timescale / ((step - warmup).max(0.0) + timescale)).sqrt()
            }
            ScheduleKind::Linear => return ramp * self.fall(1.0 - self.progress(step)),
            ScheduleKind::Cosine => {
                return ramp * self.fall(0.5 * (1.0 + (PI * self.progress(step)).cos()));
            }
        };
        match self.kind {
            ScheduleKind::InverseSqrtFlat => self.learning_rate * decay,
            _ => self.learning_rate * ramp * decay,
        }
    }

    /// How much of the decay after the warm-up is done, 0 to 1.
    fn progress(&self, step: f64) -> f64 {
        let length = (self.num_steps as f64 - self.warmup_steps).max(1.0);
        ((step - self.warmup_steps) / length).clamp(0.0, 1.0)
    }

    /// Between the final learning rate at 0 and the peak at 1.
    fn fall(&self, height: f64) -> f64 {
        self.final_learning_rate + (self.learning_rate - self.final_learning_rate) * height
    }

    fn relative_step(&self, update: f64) -> f64 {
        let ramp = (update / self.warmup_steps.max(1.0)).min(1.0);
        (self.learning_rate * ramp).min(update.sqrt().recip())
    }
}

#[cfg(test)]
mod tests {
    use super::ScheduleKind::{
        Constant, Cosine, Electra, InverseSqrt, InverseSqrtFlat, Linear, RelativeStep,
    };
    use super::*;

    fn schedule(kind: ScheduleKind) -> Schedule {
        Schedule {
            kind,
            learning_rate: 1.0,
            final_learning_rate: 0.0,
            warmup_steps: 10.0,
            timescale: 10.0,
            num_steps: 100,
        }
    }

    #[test]
    fn every_form_with_a_ramp_starts_at_zero() {
        for kind in [Constant, Linear, Cosine, InverseSqrt, Electra] {
            assert_eq!(schedule(kind).at(0), 0.0, "{kind:?}");
        }
    }

    #[test]
    fn peak_is_reached_at_the_end_of_the_warmup() {
        for kind in [Constant, Linear, Cosine, InverseSqrt, InverseSqrtFlat] {
            assert_eq!(schedule(kind).at(10), 1.0, "{kind:?}");
        }
        assert_eq!(schedule(Electra).at(10), 0.9);
    }

    #[test]
    fn inverse_square_root_halves_at_four_times_the_warmup() {
        assert_eq!(schedule(InverseSqrt).at(40), 0.5);
        assert_eq!(schedule(InverseSqrtFlat).at(40), 0.5);
        assert_eq!(schedule(InverseSqrtFlat).at(3), 1.0);
    }

    #[test]
    fn forms_that_decay_to_zero_stay_there() {
        for kind in [Linear, Cosine, Electra] {
            assert_eq!(schedule(kind).at(100), 0.0, "{kind:?}");
            assert_eq!(schedule(kind).at(150), 0.0, "{kind:?}");
        }
    }

    #[test]
    fn decay_ends_at_the_final_learning_rate() {
        for kind in [Linear, Cosine] {
            let schedule = Schedule {
                final_learning_rate: 0.25,
                ..schedule(kind)
            };
            assert_eq!(schedule.at(10), 1.0, "{kind:?}");
            assert!((schedule.at(55) - 0.625).abs() < 1e-12, "{kind:?}");
            assert_eq!(schedule.at(100), 0.25, "{kind:?}");
            assert_eq!(schedule.at(150), 0.25, "{kind:?}");
        }
    }

    #[test]
    fn no_warmup_starts_at_the_peak() {
        for kind in [
            Constant,
            Linear,
            Cosine,
            InverseSqrt,
            InverseSqrtFlat,
            Electra,
        ] {
            let schedule = Schedule {
                warmup_steps: 0.0,
                timescale: 0.0,
                ..schedule(kind)
            };
            assert_eq!(schedule.at(0), 1.0, "{kind:?}");
        }
    }

    #[test]
    fn warmup_of_part_of_a_step_ends_within_it() {
        let schedule = Schedule {
            warmup_steps: 1.2,
            ..schedule(Constant)
        };
        assert_eq!(schedule.at(0), 0.0);
        assert!((schedule.at(1) - 1.0 / 1.2).abs() < 1e-12);
        assert_eq!(schedule.at(2), 1.0);
    }

    #[test]
    fn relative_step_is_flat_until_the_inverse_root_is_less() {
        let flat = Schedule {
            learning_rate: 0.01,
            warmup_steps: 0.0,
            ..schedule(RelativeStep)
        };
        assert_eq!(flat.at(0), 0.01);
        assert_eq!(flat.at(9_999), 0.01);
        assert_eq!(flat.at(39_999), 0.005);
        let warm = Schedule {
            warmup_steps: 10_000.0,
            ..flat
        };
        assert!((warm.at(0) - 1e-6).abs() < 1e-18);
        assert!((warm.at(4_999) - 5e-3).abs() < 1e-15);
        assert_eq!(warm.at(39_999), 0.005);
    }
}
