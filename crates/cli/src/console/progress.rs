//! How far one long job has come, on stderr: a bar where it is a terminal, a line every few seconds elsewhere.

use std::io::{Write, stderr};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::lines::INTERVAL;
use super::{count, duration};

/// Steps of the bar.
const WHOLE: u64 = 1000;

/// Progress of one job.
pub struct Progress {
    doing: &'static str,
    /// What is counted: `tokens`.
    unit: &'static str,
    bar: ProgressBar,
    started: Instant,
    last_line: Instant,
    /// Where this process has started.
    first_fraction: Option<f64>,
}

impl Progress {
    /// `doing` says what is done: `preparing`.
    pub fn new(doing: &'static str, unit: &'static str) -> Self {
        let style = ProgressStyle::with_template("{prefix} {bar:30} {percent:>3} %  {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        Self {
            doing,
            unit,
            bar: ProgressBar::new(WHOLE).with_style(style).with_prefix(doing),
            started: Instant::now(),
            last_line: Instant::now(),
            first_fraction: None,
        }
    }

    /// A `fraction` is done, which has given `num` units so far.
    pub fn update(&mut self, fraction: f64, num: u64) {
        let elapsed = self.started.elapsed().as_secs_f64();
        let done = fraction - *self.first_fraction.get_or_insert(fraction);
        let mut message = format!(
            "{} {unit}  {} {unit}/s",
            count(num as f64),
            count(num as f64 / elapsed.max(1e-3)),
            unit = self.unit
        );
        if done > 0.0 {
            let left = elapsed * (1.0 - fraction) / done;
            message = format!("{message}  {} left", duration(left));
        }
        if !self.bar.is_hidden() {
            self.bar.set_position((fraction * WHOLE as f64) as u64);
            self.bar.set_message(message);
        } else if self.last_line.elapsed() >= INTERVAL {
            self.last_line = Instant::now();
            let percent = 100.0 * fraction;
            let _ = writeln!(stderr(), "{} {percent:.0} %  {message}", self.doing);
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
