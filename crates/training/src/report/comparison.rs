//! One page that lays the curves of several runs over each other.

use std::fmt::Write as _;

use super::charts::{self, Chart, RATES, held_out, term, term_names, training};
use super::curves::Series;
use super::figure;
use crate::TrainingError;
use crate::comparison::{RecordedRun, Row, differing_keys, table};
use crate::evaluation::{is_higher_better, readable};
use crate::metrics::History;
use lamplight_pipelines::page::{document, escape};

/// The title of the page, by which it is known.
pub const COMPARISON_TITLE: &str = "Runs compared";

/// The page as HTML.
///
/// # Errors
/// A curve cannot be drawn.
pub fn comparison_page(runs: &[RecordedRun]) -> Result<String, TrainingError> {
    let mut body = "<section>\n<p class=\"about\">".to_owned();
    for (number, run) in runs.iter().enumerate() {
        let class = Series::new("", number, Vec::new()).color.class();
        let _ = write!(
            body,
            "<span class=\"{class} key\">{}</span> ",
            escape(&run.name)
        );
    }
    body.push_str("</p>\n");
    body.push_str(&html_table(runs, &table(runs)));
    let keys = differing_keys(runs);
    if keys.is_empty() {
        body.push_str("<p class=\"about\">The recipes say the same.</p>\n");
    } else {
        body.push_str("<h3>Recipe keys that differ</h3>\n");
        body.push_str(&html_table(runs, &keys));
    }
    body.push_str("</section>\n<section>\n<div class=\"charts\">\n");
    for (title, series) in overlaid(runs) {
        body.push_str(&figure(&title, &series)?);
    }
    body.push_str("</div>\n</section>\n");
    Ok(document(COMPARISON_TITLE, &body))
}

fn html_table(runs: &[RecordedRun], rows: &[Row]) -> String {
    let mut html = "<table><tr><th></th>".to_owned();
    for run in runs {
        let _ = write!(html, "<th>{}</th>", escape(&run.name));
    }
    html.push_str("</tr>");
    for row in rows {
        let _ = write!(html, "<tr><th>{}</th>", escape(&row.name));
        for cell in &row.cells {
            let _ = write!(html, "<td>{}</td>", escape(cell));
        }
        html.push_str("</tr>");
    }
    html.push_str("</table>\n");
    html
}

/// The same curve of every run in one chart, for each curve that any of them has.
fn overlaid(runs: &[RecordedRun]) -> Vec<Chart> {
    let chart = |title: String, points: &dyn Fn(&History) -> Vec<(f64, f64)>| -> Chart {
        let series = runs.iter().enumerate();
        let series =
            series.map(|(number, run)| Series::new(&run.name, number, points(&run.history)));
        (title, series.collect())
    };
    let mut charts = vec![
        chart("Training loss".to_owned(), &|history| {
            training(history, &|metrics| metrics.loss)
        }),
        chart("Training loss over seconds".to_owned(), &|history| {
            let steps = history.steps.iter();
            steps
                .map(|metrics| (metrics.seconds, metrics.loss))
                .collect()
        }),
    ];
    for name in distinct(runs, term_names) {
        let title = format!("Training: {}", readable(name));
        charts.push(chart(title, &|history| term(history, name)));
    }
    for name in distinct(runs, score_names) {
        let title = format!("Held out: {}", readable(name));
        charts.push(chart(title, &|history| held_out(history, name)));
    }
    for (title, value) in RATES {
        charts.push(chart(title.to_owned(), &|history| training(history, value)));
    }
    charts.retain(charts::has_points);
    charts
}

/// Scores of the model that are no part of another one.
fn score_names(history: &History) -> Vec<&str> {
    let scores = history
        .last_evaluation()
        .into_iter()
        .flat_map(|last| &last.scores);
    let names = scores.map(|(name, _)| name.as_str());
    names
        .filter(|name| !name.contains('.') && is_higher_better(name).is_some())
        .collect()
}

/// Every name that any run has, in the order in which they come.
fn distinct<'a>(
    runs: &'a [RecordedRun],
    names: impl Fn(&'a History) -> Vec<&'a str>,
) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for name in runs.iter().flat_map(|run| names(&run.history)) {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}
