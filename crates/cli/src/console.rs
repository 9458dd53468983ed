//! Live progress on stderr: a bar on a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use lamplight_training::evaluation::Evaluation;
use lamplight_training::metrics::StepMetrics;
use lamplight_training::progress::{Observer, Plan, Stage};

use crate::interrupt;

/// Between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Between two frames of the bar.
const FRAME_INTERVAL: Duration = Duration::from_millis(200);

/// Tells people how a run goes.
pub struct Console {
    bar: Option<ProgressBar>,
    num_steps: usize,
    started: Instant,
    last_line: Option<Instant>,
}

impl Console {
    /// For one run.
    pub fn new() -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(FRAME_INTERVAL);
            bar
        });
        Self {
            bar,
            num_steps: 0,
            started: Instant::now(),
            last_line: None,
        }
    }

    fn line(&mut self, text: &str) {
        self.last_line = Some(Instant::now());
        match &self.bar {
            Some(bar) => bar.println(text),
            None => {
                let _ = writeln!(stderr(), "{text}");
            }
        }
    }

    /// What passes quickly: the bar's message, or a line if the last one is a while ago.
    fn message(&mut self, text: String) {
        let is_due = self
            .last_line
            .is_none_or(|last| last.elapsed() >= LINE_INTERVAL);
        match &self.bar {
            Some(bar) => bar.set_message(text),
            None if is_due => self.line(&text),
            None => {}
        }
    }

    fn time_left(&self, step: usize) -> String {
        let elapsed = self.started.elapsed().as_secs_f64();
        let left = elapsed / step.max(1) as f64 * self.num_steps.saturating_sub(step) as f64;
        duration(left)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Console {
    fn preparing(&mut self, stage: Stage) {
        self.message(match stage {
            Stage::TrainingTokenizer => "training a tokenizer".to_owned(),
            Stage::GeneratingTexts => "generating texts".to_owned(),
            Stage::ReadingTexts {
                fraction,
                num_tokens,
            } => format!(
                "reading texts: {:.0} %, {} tokens",
                100.0 * fraction,
                count(num_tokens as f64)
            ),
        });
    }

    fn started(&mut self, plan: &Plan, folder: &Path) {
        interrupt::training_started();
        self.num_steps = plan.num_steps;
        self.started = Instant::now();
        let line = format!(
            "{}: {} parameters, vocabulary of {}, {} tokens of text, {} steps, in {}",
            plan.name,
            count(plan.num_parameters as f64),
            plan.vocab_size,
            count(plan.num_tokens as f64),
            plan.num_steps,
            folder.display()
        );
        self.line(&line);
        if let Some(bar) = &self.bar {
            bar.set_length(plan.num_steps as u64);
            let template = "{bar:32.cyan/dim} {pos}/{len}  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
        }
    }

    fn stepped(&mut self, step: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(step as u64);
        }
    }

    fn logged(&mut self, metrics: &StepMetrics) {
        let step = match &self.bar {
            Some(_) => String::new(),
            None => format!("step {}/{}  ", metrics.step, self.num_steps),
        };
        self.message(format!(
            "{step}loss {:.3}  {} tokens/s  {} left",
            metrics.loss,
            count(metrics.tokens_per_second),
            self.time_left(metrics.step)
        ));
    }

    fn evaluating(&mut self, _step: usize) {
        if let Some(bar) = &self.bar {
            bar.set_message("scoring the held-out texts");
        }
    }

    fn evaluated(&mut self, step: usize, evaluation: &Evaluation) {
        let scores: Vec<String> = (evaluation.scores.iter())
            .filter(|(name, _)| !name.contains('.'))
            .map(|(name, value)| format!("{} {value:.3}", name.replace('_', " ")))
            .collect();
        self.line(&format!("  step {step}, held out: {}", scores.join(", ")));
    }

    fn saved(&mut self, step: usize, checkpoint: &Path) {
        self.line(&format!("  step {step}, saved {}", checkpoint.display()));
    }

    fn is_interrupted(&self) -> bool {
        interrupt::is_requested()
    }
}

/// A number in the unit that people read.
pub fn count(number: f64) -> String {
    match number {
        n if n >= 1e9 => format!("{:.1} G", n / 1e9),
        n if n >= 1e6 => format!("{:.1} M", n / 1e6),
        n if n >= 1e4 => format!("{:.1} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// Seconds as people say them.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_are_readable() {
        assert_eq!(count(950.0), "950");
        assert_eq!(count(12_345.0), "12.3 k");
        assert_eq!(count(13_550_000.0), "13.6 M");
        assert_eq!(duration(59.4), "59 s");
        assert_eq!(duration(61.0), "1 min 01 s");
        assert_eq!(duration(7260.0), "2 h 01 min");
    }
}
