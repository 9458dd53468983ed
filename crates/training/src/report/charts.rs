//! Which curves are drawn of a run.

use super::curves::Series;
use crate::evaluation::readable;
use crate::metrics::{History, StepMetrics};

/// A chart: its title and its lines.
pub(super) type Chart = (String, Vec<Series>);

/// The curves of a run: losses, held-out scores, rates, and what the machine did. A chart without
/// any point is left out.
pub(super) fn of(history: &History) -> Vec<Chart> {
    let mut charts = losses(history);
    charts.push(("Held-out scores".to_owned(), scores(history)));
    for (title, value) in RATES {
        charts.push((
            title.to_owned(),
            vec![Series::new(title, 0, training(history, value))],
        ));
    }
    if history.steps.iter().any(|metrics| metrics.num_skipped > 0) {
        let skipped = training(history, &|metrics| metrics.num_skipped as f64);
        charts.push((
            "Skipped steps so far".to_owned(),
            vec![Series::new("skipped", 3, skipped)],
        ));
    }
    charts.retain(has_points);
    charts
}

/// Whether there is anything to draw.
pub(super) fn has_points((_, series): &Chart) -> bool {
    series.iter().any(|series| !series.points.is_empty())
}

type Value<'a> = &'a (dyn Fn(&StepMetrics) -> f64 + Sync);

/// What is drawn over the steps beside the losses.
pub(super) const RATES: [(&str, Value<'static>); 5] = [
    ("Learning rate", &|metrics| metrics.learning_rate),
    ("Norm of the gradients before clipping", &|metrics| {
        metrics.gradient_norm
    }),
    ("Tokens per second", &|metrics| metrics.tokens_per_second),
    ("Model GFLOP per second", &|metrics| {
        match metrics.flops_per_second {
            // A run of before the number was kept.
            0.0 => f64::NAN,
            flops => flops / 1e9,
        }
    }),
    ("Host memory (MiB)", &|metrics| {
        let mebibytes = |bytes| bytes as f64 / (1u64 << 20) as f64;
        metrics.memory_bytes.map_or(f64::NAN, mebibytes)
    }),
];

/// A value over the logged steps.
pub(super) fn training(history: &History, value: Value<'_>) -> Vec<(f64, f64)> {
    let steps = history.steps.iter();
    steps
        .map(|metrics| (metrics.step as f64, value(metrics)))
        .collect()
}

/// A term of the loss over the logged steps.
pub(super) fn term(history: &History, name: &str) -> Vec<(f64, f64)> {
    training(history, &|metrics| {
        let found = metrics.terms.iter().find(|(known, _)| known == name);
        found.map_or(f64::NAN, |(_, value)| *value)
    })
}

/// A held-out score over the evaluations.
pub(super) fn held_out(history: &History, name: &str) -> Vec<(f64, f64)> {
    let evaluations = history.evaluations.iter();
    evaluations
        .filter_map(|(step, evaluation)| Some((*step as f64, evaluation.score(name)?)))
        .collect()
}

/// The terms of the loss that are worth a curve.
pub(super) fn term_names(history: &History) -> Vec<&str> {
    let terms = history
        .steps
        .first()
        .into_iter()
        .flat_map(|metrics| &metrics.terms);
    let names = terms.map(|(name, _)| name.as_str());
    names.filter(|name| *name != "squared_log_z").collect()
}

/// Each term of the loss, in training and held out, and the loss of what has learned nothing.
fn losses(history: &History) -> Vec<Chart> {
    let chart = |name: &str| {
        let (title, score, bound) = match name {
            "nll" => ("Loss of target tokens (nats)", "loss", "unigram_entropy"),
            "mlm_loss" => ("Loss of the generator (nats)", "mlm_loss", ""),
            _ => (
                "Loss of the discriminator (nats)",
                "detection_loss",
                "fake_rate_entropy",
            ),
        };
        let series = [
            Series::new("training", 0, term(history, name)),
            Series::new("held out", 1, held_out(history, score)),
            Series::new(&readable(bound), 2, held_out(history, bound)),
        ];
        let series = series.into_iter();
        let drawn = series.filter(|series| !series.points.is_empty());
        (title.to_owned(), drawn.collect())
    };
    term_names(history).into_iter().map(chart).collect()
}

/// Scores between 0 and 1 that are worth a curve.
fn scores(history: &History) -> Vec<Series> {
    let wanted = |name: &str| {
        matches!(
            name,
            "detection_auc" | "detection_recall" | "mlm_accuracy" | "token_accuracy"
        ) || name.starts_with("exact_match")
    };
    let evaluations = history.last_evaluation().into_iter();
    let names = evaluations.flat_map(|evaluation| &evaluation.scores);
    names
        .filter(|(name, _)| wanted(name))
        .enumerate()
        .map(|(index, (name, _))| Series::new(&readable(name), index, held_out(history, name)))
        .collect()
}
