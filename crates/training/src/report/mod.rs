//! One self-contained page with curves, scores and examples; no script, nothing to fetch.

mod charts;
mod comparison;
mod curves;
mod examples;
mod redrawn;

pub use comparison::{COMPARISON_TITLE, comparison_page};
pub(crate) use redrawn::RedrawnReport;

use std::fmt::Write as _;
use std::path::Path;

use crate::TrainingError;
use crate::evaluation::readable;
use crate::metrics::History;
use crate::run::RunSummary;
use curves::{Series, chart};
use lamplight_data::atomic_file;

const STYLE: &str = include_str!("style.css");

/// Writes a page about one or several runs, or replaces the one that stood there before.
///
/// # Errors
/// The file cannot be written, or a curve cannot be drawn.
pub fn write(path: &Path, runs: &[RunSummary]) -> Result<(), TrainingError> {
    Ok(atomic_file::write(path, page(runs)?.as_bytes())?)
}

/// The page as HTML.
///
/// # Errors
/// A curve cannot be drawn.
pub fn page(runs: &[RunSummary]) -> Result<String, TrainingError> {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let mut sections = String::new();
    for run in runs {
        sections.push_str(&section(run)?);
    }
    Ok(document(&names.join(" and "), &sections))
}

/// A whole page around its sections.
fn document(title: &str, sections: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} · Lamplight</title>\n\
         <style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n{sections}</main>\n</html>\n"
    )
}

fn section(run: &RunSummary) -> Result<String, TrainingError> {
    let mut html = format!(
        "<section>\n<h2>{}</h2>\n<p class=\"about\">{}</p>\n",
        escape(&run.name),
        escape(&run.recipe.description)
    );
    html.push_str("<dl class=\"facts\">");
    for (name, value) in facts(run) {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    html.push_str("</dl>\n<div class=\"charts\">\n");
    for (title, series) in charts::of(&run.history) {
        html.push_str(&figure(&title, &series)?);
    }
    html.push_str("</div>\n");
    if let Some((step, evaluation)) = run.history.evaluations.last() {
        html.push_str(&score_table(*step, &evaluation.scores));
        html.push_str(&examples::html(&evaluation.examples));
    }
    let recipe = escape(&run.recipe.to_toml()?);
    let _ = writeln!(
        html,
        "<details><summary>Recipe</summary><pre>{recipe}</pre></details>"
    );
    if !run.checkpoint.as_os_str().is_empty() {
        let checkpoint = escape(&run.checkpoint.display().to_string());
        let _ = writeln!(
            html,
            "<p class=\"about\">Model: <code>{checkpoint}</code></p>"
        );
    }
    html.push_str("</section>\n");
    Ok(html)
}

fn facts(run: &RunSummary) -> Vec<(&'static str, String)> {
    let History { steps, .. } = &run.history;
    let last = steps.last().cloned().unwrap_or_default();
    let planned = run.recipe.training.steps;
    let mut facts = vec![
        ("parameters", grouped(run.num_parameters as u64)),
        (
            "steps",
            format!("{} of {planned}", grouped(run.num_steps as u64)),
        ),
        ("tokens", grouped(last.num_tokens)),
        ("time", format!("{:.0} s", last.seconds)),
        ("tokens per second", grouped(last.tokens_per_second as u64)),
    ];
    if let Some(reason) = run.early_stop() {
        facts.push(("stopped early", escape(&reason)));
    }
    if last.flops_per_second > 0.0 {
        let gflops = last.flops_per_second / 1e9;
        facts.push(("model GFLOP per second", format!("{gflops:.1}")));
    }
    if let Some(bytes) = run.history.most_memory_bytes() {
        let mebibytes = bytes >> 20;
        facts.push(("most host memory", format!("{} MiB", grouped(mebibytes))));
    }
    if last.num_skipped > 0 {
        facts.push(("skipped steps", grouped(last.num_skipped)));
    }
    facts
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

fn score_table(step: usize, scores: &[(String, f64)]) -> String {
    let mut html = format!("<h3>Held-out scores after step {step}</h3>\n<table>");
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
