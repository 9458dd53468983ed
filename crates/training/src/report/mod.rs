//! One self-contained page with curves, scores and examples; no script, nothing to fetch.

mod curves;
mod examples;

use std::fmt::Write as _;
use std::path::Path;

use crate::TrainingError;
use crate::metrics::History;
use crate::run::RunSummary;
use curves::{Series, chart};

const STYLE: &str = include_str!("style.css");

/// Writes a page about one or several runs.
///
/// # Errors
/// The file exists already or cannot be written, or a curve cannot be drawn.
pub fn write(path: &Path, runs: &[RunSummary]) -> Result<(), TrainingError> {
    let page = page(runs)?;
    let mut file = std::fs::File::create_new(path).map_err(TrainingError::io("create", path))?;
    std::io::Write::write_all(&mut file, page.as_bytes()).map_err(TrainingError::io("write", path))
}

/// The page as HTML.
///
/// # Errors
/// A curve cannot be drawn.
pub fn page(runs: &[RunSummary]) -> Result<String, TrainingError> {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let title = escape(&names.join(" and "));
    let mut sections = String::new();
    for run in runs {
        sections.push_str(&section(run)?);
    }
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} · Lamplight</title>\n\
         <style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n{sections}</main>\n</html>\n"
    ))
}

fn section(run: &RunSummary) -> Result<String, TrainingError> {
    let History { steps, .. } = &run.history;
    let seconds = steps.last().map_or(0.0, |metrics| metrics.seconds);
    let tokens = steps.last().map_or(0, |metrics| metrics.num_tokens);
    let mut html = format!(
        "<section>\n<h2>{}</h2>\n<p class=\"about\">{}</p>\n",
        escape(&run.name),
        escape(&run.recipe.description)
    );
    let facts = [
        ("parameters", grouped(run.num_parameters as u64)),
        (
            "steps",
            format!("{} of {}", run.num_steps, run.recipe.training.steps),
        ),
        ("tokens", grouped(tokens)),
        ("time", format!("{seconds:.0} s")),
    ];
    html.push_str("<dl class=\"facts\">");
    for (name, value) in facts {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    html.push_str("</dl>\n<div class=\"charts\">\n");
    for (title, series) in charts(&run.history) {
        if series.iter().any(|series| !series.points.is_empty()) {
            html.push_str(&figure(&title, &series)?);
        }
    }
    html.push_str("</div>\n");
    if let Some(evaluation) = run.history.last_evaluation() {
        html.push_str(&score_table(&evaluation.scores));
        html.push_str(&examples::html(&evaluation.examples));
    }
    let recipe = escape(&run.recipe.to_toml()?);
    let _ = write!(
        html,
        "<details><summary>Recipe</summary><pre>{recipe}</pre></details>\n\
         <p class=\"about\">Model: <code>{}</code></p>\n</section>\n",
        escape(&run.checkpoint.display().to_string())
    );
    Ok(html)
}

fn figure(title: &str, series: &[Series]) -> Result<String, TrainingError> {
    let mut html = format!("<figure><figcaption>{}", escape(title));
    if series.len() > 1 {
        for series in series {
            let _ = write!(
                html,
                " <span class=\"{}\">{}</span>",
                series.color.class(),
                escape(&series.name)
            );
        }
    }
    let _ = writeln!(html, "</figcaption>{}</figure>", chart(series)?);
    Ok(html)
}

/// The curves of a run: losses, held-out scores, rates.
fn charts(history: &History) -> Vec<(String, Vec<Series>)> {
    let training = |value: &dyn Fn(&crate::metrics::StepMetrics) -> f64| -> Vec<(f64, f64)> {
        history
            .steps
            .iter()
            .map(|metrics| (metrics.step as f64, value(metrics)))
            .collect()
    };
    let held_out = |name: &str| -> Vec<(f64, f64)> {
        let scored = |(step, evaluation): &(usize, crate::evaluation::Evaluation)| {
            Some((*step as f64, evaluation.score(name)?))
        };
        history.evaluations.iter().filter_map(scored).collect()
    };
    let term = |name: &'static str| {
        training(&|metrics| {
            let found = metrics.terms.iter().find(|(known, _)| *known == name);
            found.map_or(f64::NAN, |(_, value)| *value)
        })
    };
    let names: Vec<&'static str> = (history.steps.first())
        .map(|metrics| metrics.terms.iter().map(|(name, _)| *name).collect())
        .unwrap_or_default();
    let mut charts = Vec::new();
    for name in names.into_iter().filter(|name| *name != "squared_log_z") {
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
            Series::new("training", 0, term(name)),
            Series::new("held out", 1, held_out(score)),
            Series::new(&bound.replace('_', " "), 2, held_out(bound)),
        ];
        let series = series
            .into_iter()
            .filter(|series| !series.points.is_empty());
        charts.push((title.to_owned(), series.collect()));
    }
    charts.push((
        "Held-out scores".to_owned(),
        score_series(history, &held_out),
    ));
    let rate = Series::new(
        "learning rate",
        0,
        training(&|metrics| metrics.learning_rate),
    );
    charts.push(("Learning rate".to_owned(), vec![rate]));
    let norm = Series::new(
        "gradient norm",
        0,
        training(&|metrics| metrics.gradient_norm),
    );
    charts.push((
        "Norm of the gradients before clipping".to_owned(),
        vec![norm],
    ));
    charts
}

/// Scores between 0 and 1 that are worth a curve.
fn score_series(history: &History, held_out: &dyn Fn(&str) -> Vec<(f64, f64)>) -> Vec<Series> {
    let wanted = |name: &str| {
        matches!(
            name,
            "detection_auc" | "detection_recall" | "mlm_accuracy" | "token_accuracy"
        ) || name.starts_with("exact_match")
    };
    let scores = history
        .last_evaluation()
        .into_iter()
        .flat_map(|evaluation| &evaluation.scores);
    scores
        .filter(|(name, _)| wanted(name))
        .enumerate()
        .map(|(index, (name, _))| Series::new(&readable(name), index, held_out(name)))
        .collect()
}

fn score_table(scores: &[(String, f64)]) -> String {
    let mut html = "<h3>Held-out scores after the last step</h3>\n<table>".to_owned();
    for (name, value) in scores {
        let _ = write!(
            html,
            "<tr><th>{}</th><td>{value:.4}</td></tr>",
            escape(&readable(name))
        );
    }
    html.push_str("</table>\n");
    html
}

fn readable(name: &str) -> String {
    name.replace('_', " ").replace('.', ": ")
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// Text that means itself in HTML, in attributes too.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_is_escaped() {
        assert_eq!(escape("<b a='x'>&\""), "&lt;b a=&#39;x&#39;&gt;&amp;&quot;");
    }

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(grouped(12), "12");
        assert_eq!(grouped(123), "123");
    }
}
