//! Line charts as SVG that takes its colours from the page.

use plotters::prelude::*;

use crate::TrainingError;

const SIZE: (u32, u32) = (460, 240);
/// Colours drawn with, and what the page's style calls them. The SVG is inline, so that replacing
/// them by variables makes it follow the light or dark scheme.
const PALETTE: [(RGBColor, &str); 10] = [
    (RGBColor(1, 1, 1), "c0"),
    (RGBColor(2, 2, 2), "c1"),
    (RGBColor(3, 3, 3), "c2"),
    (RGBColor(4, 4, 4), "c3"),
    (RGBColor(5, 5, 5), "c4"),
    (RGBColor(6, 6, 6), "c5"),
    (RGBColor(7, 7, 7), "c6"),
    (RGBColor(8, 8, 8), "c7"),
    (RGBColor(9, 9, 9), "c8"),
    (RGBColor(10, 10, 10), "c9"),
];
const TEXT: RGBColor = RGBColor(11, 11, 11);
const GRID: RGBColor = RGBColor(12, 12, 12);

/// One line of a chart.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) color: Color,
    pub(super) points: Vec<(f64, f64)>,
}

/// A colour of the palette.
#[derive(Clone, Copy)]
pub(super) struct Color(usize);

impl Color {
    /// The class of the style sheet.
    pub(super) fn class(self) -> &'static str {
        PALETTE[self.0].1
    }
}

impl Series {
    /// A line in the colour of this number, over the points that are finite.
    pub(super) fn new(name: &str, number: usize, mut points: Vec<(f64, f64)>) -> Self {
        points.retain(|(x, y)| x.is_finite() && y.is_finite());
        Self {
            name: name.to_owned(),
            color: Color(number % PALETTE.len()),
            points,
        }
    }
}

/// Draws the lines over common axes.
pub(super) fn chart(series: &[Series]) -> Result<String, TrainingError> {
    let mut svg = String::new();
    draw(series, &mut svg).map_err(TrainingError::Drawing)?;
    for (color, class) in PALETTE {
        svg = svg.replace(&hex(color), &format!("var(--{class})"));
    }
    svg = svg.replace(&hex(TEXT), "var(--text)");
    Ok(svg.replace(&hex(GRID), "var(--grid)"))
}

fn draw(series: &[Series], svg: &mut String) -> Result<(), String> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let points = || series.iter().flat_map(|series| &series.points);
    let (left, right) = bounds(points().map(|(x, _)| *x));
    let (bottom, top) = bounds(points().map(|(_, y)| *y));
    let margin = (top - bottom) * 0.05;
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .margin_right(16)
        .x_label_area_size(26)
        .y_label_area_size(52)
        .build_cartesian_2d(left..right, (bottom - margin)..(top + margin))
        .map_err(|error| error.to_string())?;
    let font = ("system-ui, sans-serif", 12).into_font().color(&TEXT);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_labels(6)
        .y_labels(5)
        .label_style(font)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| short(*y))
        .draw()
        .map_err(|error| error.to_string())?;
    for series in series {
        let style = ShapeStyle::from(&PALETTE[series.color.0].0).stroke_width(2);
        let line = LineSeries::new(series.points.iter().copied(), style);
        chart.draw_series(line).map_err(|error| error.to_string())?;
    }
    area.present().map_err(|error| error.to_string())
}

/// Smallest and largest value, apart even where they are one.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        (0.0, 1.0)
    } else if low == high {
        (
            low - 0.5 * low.abs().max(1e-3),
            high + 0.5 * high.abs().max(1e-3),
        )
    } else {
        (low, high)
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 1e-2 => format!("{value:.1e}"),
        size if size < 10.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

fn hex(color: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_takes_every_colour_from_the_page() {
        let series = [
            Series::new("a", 0, vec![(1.0, 2.0), (2.0, 1.0)]),
            Series::new("b", 1, vec![(1.0, f64::NAN), (2.0, 1.5)]),
        ];
        let svg = chart(&series).unwrap();
        assert!(svg.starts_with("<svg"), "{svg}");
        assert!(
            svg.contains("var(--c0)") && svg.contains("var(--text)"),
            "{svg}"
        );
        assert!(!svg.contains("\"#0"), "{svg}");
        assert!(!svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn one_point_or_none_is_a_chart_too() {
        chart(&[Series::new("a", 0, vec![(1.0, 0.0)])]).unwrap();
        chart(&[Series::new("a", 0, Vec::new())]).unwrap();
    }
}
