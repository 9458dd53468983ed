//! How far one long job has come, on stderr: a bar where it is a terminal, a line every few seconds elsewhere.

use std::io::{Write, stderr};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::lines::INTERVAL;
use super::{count, duration};

/// Steps of the bar.
const WHOLE: u64 = 1000;
const KNOWN_PART: &str = "{prefix} {bar:30} {percent:>3} %  {msg}";
const UNKNOWN_PART: &str = "{prefix}  {msg}";

/// Progress of one job.
pub struct Progress {
    doing: &'static str,
    /// What is counted: `tokens`.
    units: &'static [&'static str],
    bar: ProgressBar,
    started: Instant,
    last_line: Instant,
    /// Where this process has started.
    first_fraction: Option<f64>,
}

impl Progress {
    /// `doing` says what is done: `preparing`.
    pub fn new(doing: &'static str, units: &'static [&'static str]) -> Self {
        let bar = ProgressBar::new(WHOLE).with_style(style(KNOWN_PART));
        Self {
            doing,
            units,
            bar: bar.with_prefix(doing),
            started: Instant::now(),
            last_line: Instant::now(),
            first_fraction: None,
        }
    }

    /// A `fraction` is done, which has given so many of each unit so far.
    pub fn update(&mut self, fraction: f64, nums: &[u64]) {
        let elapsed = self.started.elapsed().as_secs_f64();
        let done = fraction - *self.first_fraction.get_or_insert(fraction);
        let mut message = self.rates(nums);
        if done > 0.0 {
            let left = elapsed * (1.0 - fraction) / done;
            message = format!("{message}  {} left", duration(left));
        }
        if !self.bar.is_hidden() {
            self.bar.set_position((fraction * WHOLE as f64) as u64);
            self.bar.set_message(message);
        } else {
            let percent = 100.0 * fraction;
            self.line(&format!("{percent:.0} %  {message}"));
        }
    }

    /// So many of each unit are done, of nobody knows how many.
    pub fn count_up(&mut self, nums: &[u64]) {
        let message = self.rates(nums);
        if self.bar.is_hidden() {
            self.line(&message);
        } else {
            self.bar.set_style(style(UNKNOWN_PART));
            self.bar.set_message(message);
        }
    }

    fn rates(&self, nums: &[u64]) -> String {
        let elapsed = self.started.elapsed().as_secs_f64().max(1e-3);
        let rates = self.units.iter().zip(nums).map(|(unit, &num)| {
            let rate = count(num as f64 / elapsed);
            format!("{} {unit}  {rate} {unit}/s", count(num as f64))
        });
        rates.collect::<Vec<_>>().join("  ")
    }

    fn line(&mut self, text: &str) {
        if self.last_line.elapsed() >= INTERVAL {
            self.last_line = Instant::now();
            let _ = writeln!(stderr(), "{} {text}", self.doing);
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
