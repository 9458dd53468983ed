//! The view of a run, drawn into any size.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, Paragraph, Widget};

use super::dashboard::{Dashboard, Moment};
use super::{count, duration, scores};

/// Below this size nothing has a frame.
const FRAMED: (u16, u16) = (64, 18);
/// Width of the facts beside the curve.
const FACTS_WIDTH: u16 = 34;
/// Rows that a curve needs to tell anything.
const CURVE_HEIGHT: u16 = 5;
/// Columns that a curve needs beside its labels.
const MIN_CURVE_WIDTH: u16 = 16;
/// Warnings that are shown.
const NUM_WARNINGS: usize = 3;

/// Between two items in a line.
const GAP: &str = "  ";

const ACCENT: Style = Style::new().fg(Color::Cyan);
const SOFT: Style = Style::new().add_modifier(Modifier::DIM);
const ALARM: Style = Style::new().fg(Color::Yellow);

/// Draws everything that has room, the most important first.
pub(super) fn draw(dashboard: &Dashboard, moment: Moment, area: Rect, buffer: &mut Buffer) {
    let rows = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
    ];
    let [head, bar, rest] = Layout::vertical(rows).areas(area);
    Paragraph::new(headline(dashboard, moment)).render(head, buffer);
    Gauge::default()
        .ratio(dashboard.fraction())
        .label(progress(dashboard, moment, area.width))
        .gauge_style(ACCENT)
        .render(bar, buffer);
    if area.width >= FRAMED.0 && area.height >= FRAMED.1 {
        draw_framed(dashboard, moment, rest, buffer);
    } else {
        draw_compact(dashboard, moment, rest, buffer);
    }
}

/// The curve beside the facts, the scores below.
fn draw_framed(dashboard: &Dashboard, moment: Moment, area: Rect, buffer: &mut Buffer) {
    let scores = score_lines(dashboard, area.width.saturating_sub(2));
    let notes = notes(dashboard, moment, area.width);
    let num_rows = match scores.len() {
        0 => 0,
        number => number as u16 + 2,
    };
    let rows = [
        Constraint::Fill(1),
        Constraint::Length(num_rows.min(area.height / 3)),
        Constraint::Length(notes.len() as u16),
    ];
    let [body, score_area, foot] = Layout::vertical(rows).areas(area);
    let columns = [Constraint::Fill(1), Constraint::Length(FACTS_WIDTH)];
    let [curve, facts] = Layout::horizontal(columns).areas(body);
    draw_curve(dashboard, curve, buffer);
    draw_facts(dashboard, facts, buffer);
    let title = format!(" {} ", score_title(dashboard));
    let frame = Block::bordered().title(title).border_style(SOFT);
    Paragraph::new(scores)
        .block(frame)
        .render(score_area, buffer);
    Paragraph::new(notes).render(foot, buffer);
}

/// No frames: facts one after the other, the curve in the rows that are left, scores and notes.
fn draw_compact(dashboard: &Dashboard, moment: Moment, area: Rect, buffer: &mut Buffer) {
    let mut facts = dashboard.facts();
    facts.sort_by_key(|fact| !fact.is_alarming);
    let facts = facts.into_iter().map(|fact| {
        let name = Span::styled(format!("{} ", fact.name), SOFT);
        vec![name, value(fact.value, fact.is_alarming)]
    });
    let facts = flow(facts, area.width);
    let mut scores = score_lines(dashboard, area.width);
    if !scores.is_empty() {
        scores.insert(0, Line::styled(score_title(dashboard), SOFT));
    }
    let notes = notes(dashboard, moment, area.width);
    let rows = |lines: &Vec<Line<'_>>, part: u16| {
        Constraint::Length((lines.len() as u16).min(area.height.div_ceil(part)))
    };
    let rows = [
        rows(&facts, 2),
        Constraint::Fill(1),
        rows(&scores, 4),
        rows(&notes, 4),
    ];
    let [fact_area, curve, score_area, foot] = Layout::vertical(rows).areas(area);
    Paragraph::new(facts).render(fact_area, buffer);
    if curve.height >= CURVE_HEIGHT {
        draw_curve(dashboard, curve, buffer);
    }
    Paragraph::new(scores).render(score_area, buffer);
    Paragraph::new(notes).render(foot, buffer);
}

/// Puts as many items into each line as there is room for; none is broken.
fn flow<'a>(items: impl Iterator<Item = Vec<Span<'a>>>, width: u16) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    for item in items {
        let length: usize = item.iter().map(Span::width).sum();
        match lines.last_mut() {
            Some(line) if line.width() + GAP.len() + length <= usize::from(width) => {
                line.push_span(GAP);
                line.extend(item);
            }
            _ => lines.push(Line::from(item)),
        }
    }
    lines
}

fn headline(dashboard: &Dashboard, moment: Moment) -> Line<'static> {
    let Some(plan) = &dashboard.plan else {
        return Line::styled("Lamplight", ACCENT.add_modifier(Modifier::BOLD));
    };
    let mut spans = vec![
        Span::styled(plan.name.clone(), ACCENT.add_modifier(Modifier::BOLD)),
        Span::styled(
            format!(" · {} parameters", count(plan.num_parameters as f64)),
            SOFT,
        ),
    ];
    if moment.is_stopping {
        spans.push(Span::styled(" · stopping after this step", ALARM));
    } else if !dashboard.activity.is_empty() {
        spans.push(Span::raw(format!(" · {}", dashboard.activity)));
    }
    Line::from(spans)
}

/// Step and time, in as many words as there is room for.
fn progress(dashboard: &Dashboard, moment: Moment, width: u16) -> String {
    if dashboard.plan.is_none() {
        return dashboard.activity.clone();
    }
    let step = format!("step {}/{}", dashboard.step, dashboard.num_steps());
    let left = (dashboard.time_left(moment)).map(|left| format!(" · {} left", duration(left)));
    let short = format!("{step}{}", left.unwrap_or_default());
    let percent = 100.0 * dashboard.fraction();
    let long = format!(
        "{percent:.1} % · {short} · {} so far",
        duration(moment.elapsed)
    );
    [long, short, step]
        .into_iter()
        .find(|text| text.chars().count() <= usize::from(width))
        .unwrap_or_default()
}

fn draw_facts(dashboard: &Dashboard, area: Rect, buffer: &mut Buffer) {
    let lines: Vec<Line<'_>> = (dashboard.facts().into_iter())
        .map(|fact| {
            let name = Span::styled(format!(" {:<15}", fact.name), SOFT);
            Line::from(vec![name, value(fact.value, fact.is_alarming)])
        })
        .collect();
    let frame = Block::bordered().title(" now ").border_style(SOFT);
    Paragraph::new(lines).block(frame).render(area, buffer);
}

fn value(text: String, is_alarming: bool) -> Span<'static> {
    Span::styled(text, if is_alarming { ALARM } else { Style::new() })
}

fn draw_curve(dashboard: &Dashboard, area: Rect, buffer: &mut Buffer) {
    let points = thinned(&dashboard.losses, 2 * usize::from(area.width));
    let frame = Block::bordered()
        .title(" training loss ")
        .border_style(SOFT);
    if points.len() < 2 || area.width < MIN_CURVE_WIDTH {
        frame.render(area, buffer);
        return;
    }
    let xs = bounds(points.iter().map(|(x, _)| *x));
    // The first steps are so much worse that they would flatten all that comes after them.
    let num_first = points.len() / 10;
    let [low, high] = bounds(points.iter().skip(num_first).map(|(_, y)| *y));
    // A flat line lies in the middle.
    let margin = if high > low { 0.0 } else { 0.5 };
    let ys = [low - margin, high + margin];
    let dataset = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(ACCENT)
        .data(&points);
    let y_labels = [ys[0], (ys[0] + ys[1]) / 2.0, ys[1]].map(|loss| format!("{loss:.3}"));
    let x_labels = xs.map(|step| format!("{step:.0}"));
    Chart::new(vec![dataset])
        .block(frame)
        .x_axis(Axis::default().bounds(xs).labels(x_labels).style(SOFT))
        .y_axis(Axis::default().bounds(ys).labels(y_labels).style(SOFT))
        .render(area, buffer);
}

/// The smallest and the largest.
fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
        [low.min(value), high.max(value)]
    })
}

/// At most so many points, each the mean of its neighbours.
fn thinned(points: &[(f64, f64)], limit: usize) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(limit.max(1)).max(1);
    let mean = |points: &[(f64, f64)]| {
        let (x, y) = points
            .iter()
            .fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (x / points.len() as f64, y / points.len() as f64)
    };
    points.chunks(size).map(mean).collect()
}

fn score_title(dashboard: &Dashboard) -> String {
    let evaluation = dashboard.evaluation.as_ref();
    evaluation.map_or_else(String::new, |(step, _)| format!("held out, step {step}"))
}

/// The scores of the last evaluation.
fn score_lines(dashboard: &Dashboard, width: u16) -> Vec<Line<'static>> {
    let evaluation = dashboard.evaluation.iter();
    let scores = evaluation.flat_map(|(_, evaluation)| scores(evaluation));
    let items = scores.map(|(name, value)| {
        let name = Span::styled(format!("{name} "), SOFT);
        vec![name, Span::raw(format!("{value:.3}"))]
    });
    flow(items, width)
}

/// Warnings, the last checkpoint, and how to end.
fn notes(dashboard: &Dashboard, moment: Moment, width: u16) -> Vec<Line<'static>> {
    let warnings = dashboard.warnings.iter().rev().take(NUM_WARNINGS).rev();
    let mut lines: Vec<Line<'_>> = warnings
        .map(|warning| Line::styled(format!("warning: {warning}"), ALARM))
        .collect();
    if let Some((step, path)) = &dashboard.checkpoint {
        let room = usize::from(width).saturating_sub(20);
        let path = path.display().to_string();
        // The end of a path says more than its beginning.
        let skipped = path.chars().count().saturating_sub(room);
        let tail: String = path.chars().skip(skipped).collect();
        let dots = if skipped > 0 { "…" } else { "" };
        lines.push(Line::styled(
            format!("step {step} saved in {dots}{tail}"),
            SOFT,
        ));
    }
    if dashboard.plan.is_some() {
        let hint = match moment.is_stopping {
            true => "Ctrl-C again stops at once",
            false => "Ctrl-C stops with a checkpoint",
        };
        lines.push(Line::styled(hint, SOFT));
    }
    lines
}

#[cfg(test)]
mod tests;
