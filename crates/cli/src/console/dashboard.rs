//! What the view shows, as data.

use std::ops::Range;
use std::path::PathBuf;

use lamplight_training::evaluation::Evaluation;
use lamplight_training::metrics::{History, StepMetrics};
use lamplight_training::progress::Plan;

use super::{compute, count, utilisation};

/// The state of a run.
#[derive(Default)]
pub(super) struct Dashboard {
    /// What the device can do in a second, where known.
    pub(super) peak_flops: Option<f64>,
    /// What goes on beside stepping, in words.
    pub(super) activity: String,
    pub(super) plan: Option<Plan>,
    /// Where a resumed run went on.
    pub(super) first_step: usize,
    pub(super) step: usize,
    /// Steps and their losses.
    pub(super) losses: Vec<(f64, f64)>,
    pub(super) metrics: Option<StepMetrics>,
    /// The last evaluation, with its step.
    pub(super) evaluation: Option<(usize, Evaluation)>,
    /// The last checkpoint, with its step.
    pub(super) checkpoint: Option<(usize, PathBuf)>,
    /// The last is the newest.
    pub(super) warnings: Vec<String>,
}

/// What changes from frame to frame although nothing happens.
#[derive(Clone, Copy, Default)]
pub(super) struct Moment {
    /// Seconds since the first step.
    pub(super) elapsed: f64,
    /// Whether the run was asked to end.
    pub(super) is_stopping: bool,
}

/// A value with its name.
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) is_alarming: bool,
}

impl Dashboard {
    /// Takes a line of metrics in.
    pub(super) fn push(&mut self, metrics: &StepMetrics) {
        if metrics.loss.is_finite() {
            self.losses.push((metrics.step as f64, metrics.loss));
        }
        self.step = self.step.max(metrics.step);
        self.metrics = Some(metrics.clone());
    }

    /// Replaces what was measured by what was measured up to this step: a run was resumed, or has gone
    /// back to a checkpoint.
    pub(super) fn go_on_after(&mut self, step: usize, history: &History) {
        self.losses.clear();
        self.metrics = None;
        history.steps.iter().for_each(|metrics| self.push(metrics));
        self.evaluation = history.evaluations.last().cloned();
        self.first_step = step;
        self.step = step;
    }

    pub(super) fn num_steps(&self) -> usize {
        self.plan.as_ref().map_or(0, |plan| plan.num_steps)
    }

    /// 0 to 1.
    pub(super) fn fraction(&self) -> f64 {
        (self.step as f64 / self.num_steps().max(1) as f64).min(1.0)
    }

    /// Seconds until the last step, once there was one.
    pub(super) fn time_left(&self, moment: Moment) -> Option<f64> {
        let steps = self.first_step..self.step;
        (!steps.is_empty()).then(|| time_left(moment.elapsed, steps, self.num_steps()))
    }

    /// What was measured last.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let Some(metrics) = &self.metrics else {
            return Vec::new();
        };
        let fact = |name: &str, value: String| Fact {
            name: name.replace('_', " "),
            value,
            is_alarming: false,
        };
        let mut facts = vec![Fact {
            is_alarming: !metrics.loss.is_finite(),
            ..fact("loss", format!("{:.4}", metrics.loss))
        }];
        let terms = metrics.terms.iter();
        let shown = terms.filter(|(name, _)| name != "squared_log_z");
        facts.extend(shown.map(|(name, value)| fact(name, format!("{value:.4}"))));
        let norm = format!("{:.3}", metrics.gradient_norm);
        let rate = format!("{:.2e}", metrics.learning_rate);
        facts.extend([
            fact("gradient norm", norm),
            fact("learning rate", rate),
            fact("tokens/s", count(metrics.tokens_per_second)),
        ]);
        facts.extend(compute(metrics).map(|rate| fact("compute", rate)));
        let peak = self.peak_flops;
        facts.extend(peak.map(|peak| fact("MFU", utilisation(metrics, peak))));
        facts.push(fact("tokens", count(metrics.num_tokens as f64)));
        facts.extend(
            metrics
                .memory_bytes
                .map(|bytes| fact("memory", memory(bytes))),
        );
        facts.push(Fact {
            is_alarming: metrics.num_skipped > 0,
            ..fact("skipped steps", metrics.num_skipped.to_string())
        });
        facts
    }
}

fn memory(bytes: u64) -> String {
    match bytes as f64 / f64::from(1 << 20) {
        size if size < 1024.0 => format!("{size:.0} MiB"),
        size => format!("{:.2} GiB", size / 1024.0),
    }
}

/// Seconds that the steps after these take at their speed.
pub(super) fn time_left(elapsed: f64, steps: Range<usize>, num_steps: usize) -> f64 {
    let per_step = elapsed / steps.len().max(1) as f64;
    per_step * num_steps.saturating_sub(steps.end) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_counts_only_the_steps_of_this_process() {
        assert_eq!(time_left(20.0, 0..10, 30), 40.0);
        assert_eq!(time_left(20.0, 20..25, 30), 20.0);
        assert_eq!(time_left(5.0, 0..0, 30), 150.0);
        assert_eq!(time_left(5.0, 0..40, 30), 0.0);
    }

    #[test]
    fn a_run_that_goes_back_forgets_what_came_later() {
        let metrics = |step| StepMetrics {
            step,
            loss: 1.0,
            ..StepMetrics::default()
        };
        let mut dashboard = Dashboard::default();
        (1..=5).for_each(|step| dashboard.push(&metrics(step)));
        let history = History {
            steps: vec![metrics(1), metrics(2)],
            evaluations: Vec::new(),
        };
        dashboard.go_on_after(3, &history);
        assert_eq!(dashboard.losses, [(1.0, 1.0), (2.0, 1.0)]);
        assert_eq!((dashboard.first_step, dashboard.step), (3, 3));
        assert!(dashboard.time_left(Moment::default()).is_none());
        dashboard.push(&metrics(4));
        assert_eq!(dashboard.losses.len(), 3);
    }

    #[test]
    fn a_loss_that_is_not_finite_is_an_alarm_and_no_point_of_the_curve() {
        let mut dashboard = Dashboard::default();
        dashboard.push(&StepMetrics {
            step: 3,
            loss: f64::NAN,
            num_skipped: 2,
            ..StepMetrics::default()
        });
        assert!(dashboard.losses.is_empty());
        let alarms: Vec<String> = (dashboard.facts().into_iter())
            .filter(|fact| fact.is_alarming)
            .map(|fact| fact.name)
            .collect();
        assert_eq!(alarms, ["loss", "skipped steps"]);
    }
}
