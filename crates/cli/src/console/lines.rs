//! A line every few seconds.

use std::io::{Write, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

use lamplight_training::evaluation::Evaluation;
use lamplight_training::metrics::{History, StepMetrics};
use lamplight_training::progress::{Observer, Plan, Stage};

use super::dashboard::time_left;
use super::{compute, count, duration, score_line, stage, start, utilisation};
use crate::interrupt::{self, Ending};

/// Between two lines about what passes quickly.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// Tells people how a run goes where there is no terminal.
pub(super) struct Lines {
    peak_flops: Option<f64>,
    num_steps: usize,
    first_step: usize,
    started: Instant,
    last_line: Option<Instant>,
}

impl Lines {
    pub(super) fn new(peak_flops: Option<f64>) -> Self {
        Self {
            peak_flops,
            num_steps: 0,
            first_step: 0,
            started: Instant::now(),
            last_line: None,
        }
    }

    fn line(&mut self, text: &str) {
        self.last_line = Some(Instant::now());
        let _ = writeln!(stderr(), "{text}");
    }

    /// What passes quickly: a line if the last one is a while ago.
    fn passing(&mut self, text: &str) {
        let last = self.last_line;
        if last.is_none_or(|last| last.elapsed() >= INTERVAL) {
            self.line(text);
        }
    }
}

impl Observer for Lines {
    fn preparing(&mut self, now: Stage) {
        self.passing(&stage(now));
    }

    fn started(&mut self, plan: &Plan, folder: &Path) {
        interrupt::set_ending(Some(Ending::WithCheckpoint));
        self.num_steps = plan.num_steps;
        self.started = Instant::now();
        self.line(&start(plan, folder));
    }

    fn resumed(&mut self, step: usize, _history: &History) {
        self.first_step = step;
        self.started = Instant::now();
        self.line(&format!("  going on after step {step}"));
    }

    fn logged(&mut self, metrics: &StepMetrics) {
        let elapsed = self.started.elapsed().as_secs_f64();
        let steps = self.first_step..metrics.step;
        let left = time_left(elapsed, steps, self.num_steps);
        let mut speed = format!("{} tokens/s", count(metrics.tokens_per_second));
        if let Some(compute) = compute(metrics) {
            speed = format!("{speed}  {compute}");
        }
        if let Some(peak) = self.peak_flops {
            speed = format!("{speed}  MFU {}", utilisation(metrics, peak));
        }
        self.passing(&format!(
            "step {}/{}  loss {:.3}  {speed}  {} left",
            metrics.step,
            self.num_steps,
            metrics.loss,
            duration(left)
        ));
    }

    fn evaluated(&mut self, step: usize, evaluation: &Evaluation) {
        self.line(&score_line(step, evaluation));
    }

    fn saved(&mut self, step: usize, checkpoint: &Path) {
        self.line(&format!("  step {step}, saved {}", checkpoint.display()));
    }

    fn warned(&mut self, message: &str) {
        self.line(&format!("warning: {message}"));
    }

    fn is_interrupted(&self) -> bool {
        interrupt::is_requested()
    }
}
