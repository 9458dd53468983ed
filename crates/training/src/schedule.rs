//! Learning rate schedules.

use serde::{Deserialize, Serialize};

/// The form of a schedule. Steps count from zero: update `step` is the one after `step` others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Linear warm-up from 0, then flat.
    Constant,
    /// Linear warm-up from 0, then linear to 0 at the last step.
    Linear,
    /// Linear warm-up from 0, then `sqrt(warmup / step)`.
    InverseSqrt,
    /// T5's pre-training (T5 section 3.1.2): `1 / sqrt(max(step, warmup))`, so flat during the
    /// warm-up steps and without a ramp; scaled so that the flat part is the learning rate.
    InverseSqrtFlat,
    /// ELECTRA's pre-training: the product of the linear warm-up and a linear decay that starts at
    /// step 0, `min(1, step / warmup) * (1 - step / steps)`.
    Electra,
}

/// A schedule with its lengths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The form.
    pub kind: ScheduleKind,
    /// The highest learning rate of the form (ELECTRA's product stays a little below it).
    pub learning_rate: f64,
    /// Steps of warm-up; 0 for none.
    pub warmup_steps: usize,
    /// Steps of the whole run.
    pub num_steps: usize,
}

impl Schedule {
    /// The learning rate of the update `step`, counted from zero.
    pub fn at(&self, step: usize) -> f64 {
        self.learning_rate * self.multiplier(step as f64)
    }

    fn multiplier(&self, step: f64) -> f64 {
        let warmup = self.warmup_steps as f64;
        let num_steps = self.num_steps as f64;
        let ramp = if step < warmup { step / warmup } else { 1.0 };
        let root = (warmup.max(1.0) / step.max(warmup).max(1.0)).sqrt();
        match self.kind {
            ScheduleKind::Constant => ramp,
            ScheduleKind::Linear if step < warmup => ramp,
            ScheduleKind::Linear => ((num_steps - step) / (num_steps - warmup).max(1.0)).max(0.0),
            ScheduleKind::InverseSqrt => ramp * root,
            ScheduleKind::InverseSqrtFlat => root,
            ScheduleKind::Electra => ramp * (1.0 - step.min(num_steps) / num_steps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(kind: ScheduleKind) -> Schedule {
        Schedule {
            kind,
            learning_rate: 1.0,
            warmup_steps: 10,
            num_steps: 100,
        }
    }

    #[test]
    fn every_form_with_a_ramp_starts_at_zero() {
        use ScheduleKind::*;
        for kind in [Constant, Linear, InverseSqrt, Electra] {
            assert_eq!(schedule(kind).at(0), 0.0, "{kind:?}");
        }
    }

    #[test]
    fn peak_is_reached_at_the_end_of_the_warmup() {
        use ScheduleKind::*;
        for kind in [Constant, Linear, InverseSqrt, InverseSqrtFlat] {
            assert_eq!(schedule(kind).at(10), 1.0, "{kind:?}");
        }
        assert_eq!(schedule(Electra).at(10), 0.9);
    }

    #[test]
    fn inverse_square_root_halves_at_four_times_the_warmup() {
        assert_eq!(schedule(ScheduleKind::InverseSqrt).at(40), 0.5);
        assert_eq!(schedule(ScheduleKind::InverseSqrtFlat).at(40), 0.5);
        assert_eq!(schedule(ScheduleKind::InverseSqrtFlat).at(3), 1.0);
    }

    #[test]
    fn linear_forms_end_at_zero_and_stay_there() {
        for kind in [ScheduleKind::Linear, ScheduleKind::Electra] {
            assert_eq!(schedule(kind).at(100), 0.0, "{kind:?}");
            assert_eq!(schedule(kind).at(150), 0.0, "{kind:?}");
        }
    }

    #[test]
    fn no_warmup_starts_at_the_peak() {
        let constant = Schedule {
            warmup_steps: 0,
            ..schedule(ScheduleKind::Constant)
        };
        assert_eq!(constant.at(0), 1.0);
    }
}
