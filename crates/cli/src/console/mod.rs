//! Live progress on stderr: a view of the run where it is a terminal, lines elsewhere.

mod dashboard;
mod draw;
mod lines;
pub mod progress;
pub mod screen;
mod view;

use lamplight_training::evaluation::Evaluation;
use lamplight_training::metrics::StepMetrics;
use lamplight_training::progress::{Observer, Plan, Stage};

use lines::Lines;
use view::View;

/// What tells people how a run goes; `peak_flops` is what the device can do in a second, where known.
pub fn open(peak_flops: Option<f64>) -> Box<dyn Observer> {
    match View::open(peak_flops) {
        Some(view) => Box::new(view),
        None => Box::new(Lines::new(peak_flops)),
    }
}

/// The same in lines, for what is no run.
pub fn lines() -> impl Observer {
    Lines::new(None)
}

/// What is done before the first step, in words.
fn stage(stage: Stage) -> String {
    match stage {
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
    }
}

/// A run that starts, in a line.
fn start(plan: &Plan, folder: &std::path::Path) -> String {
    format!(
        "{}: {} parameters, vocabulary of {}, {} tokens of text, {} steps, in {}",
        plan.name,
        count(plan.num_parameters as f64),
        plan.vocab_size,
        count(plan.num_tokens as f64),
        plan.num_steps,
        folder.display()
    )
}

/// Names and values of the scores that are no part of another one.
fn scores(evaluation: &Evaluation) -> impl Iterator<Item = (String, f64)> {
    let scores = evaluation.scores.iter();
    let whole = scores.filter(|(name, _)| !name.contains('.'));
    whole.map(|(name, value)| (name.replace('_', " "), *value))
}

/// The scores after a step, in a line.
fn score_line(step: usize, evaluation: &Evaluation) -> String {
    let scores: Vec<String> = scores(evaluation)
        .map(|(name, value)| format!("{name} {value:.3}"))
        .collect();
    format!("  step {step}, held out: {}", scores.join(", "))
}

/// The rate of the model's operations; none where it is not known.
fn compute(metrics: &StepMetrics) -> Option<String> {
    match metrics.flops_per_second {
        n if n >= 1e12 => Some(format!("{:.1} TFLOP/s", n / 1e12)),
        n if n > 0.0 => Some(format!("{:.1} GFLOP/s", n / 1e9)),
        _ => None,
    }
}

/// What share the model uses of what the device can do.
fn utilisation(metrics: &StepMetrics, peak_flops: f64) -> String {
    format!("{:.1} %", 100.0 * metrics.flops_per_second / peak_flops)
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

    #[test]
    fn utilisation_is_the_share_of_the_peak() {
        let metrics = StepMetrics {
            flops_per_second: 5e11,
            ..StepMetrics::default()
        };
        assert_eq!(compute(&metrics).as_deref(), Some("500.0 GFLOP/s"));
        assert_eq!(utilisation(&metrics, 2e12), "25.0 %");
        assert_eq!(compute(&StepMetrics::default()), None);
    }
}
