//! What the view looks like in several sizes.

use std::path::PathBuf;

use lamplight_training::evaluation::Evaluation;
use lamplight_training::metrics::StepMetrics;
use lamplight_training::progress::Plan;

use super::*;

const MOMENT: Moment = Moment {
    elapsed: 60.0,
    is_stopping: false,
};

fn metrics(step: usize) -> StepMetrics {
    StepMetrics {
        step,
        loss: 10.0 / step as f64,
        gradient_norm: 0.5,
        learning_rate: 1e-3,
        num_tokens: 20_000,
        tokens_per_second: 12_345.0,
        flops_per_second: 8.5e10,
        memory_bytes: Some(3 << 29),
        num_skipped: 1,
        seconds: 60.0,
        terms: vec![("mlm_loss".to_owned(), 2.0)],
    }
}

fn dashboard() -> Dashboard {
    let mut dashboard = Dashboard {
        peak_flops: Some(1e12),
        plan: Some(Plan {
            name: "electra_tiny".to_owned(),
            num_steps: 100,
            num_parameters: 1_500_000,
            vocab_size: 1000,
            num_tokens: 1_000_000,
        }),
        ..Dashboard::default()
    };
    (1..=20).for_each(|step| dashboard.push(&metrics(step)));
    let scores = [
        ("detection_auc", 0.9),
        ("detection_loss", 0.25),
        ("exact_match.date", 1.0),
    ];
    let scores = scores
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
    let examples = Vec::new();
    dashboard.evaluation = Some((10, Evaluation { scores, examples }));
    dashboard.checkpoint = Some((10, PathBuf::from("runs/electra_tiny-1/checkpoints/step-10")));
    dashboard.warnings = vec!["the discriminator is at the majority class".to_owned()];
    dashboard
}

/// The rows of a drawing, without the spaces at their ends.
fn drawn(dashboard: &Dashboard, moment: Moment, width: u16, height: u16) -> Vec<String> {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    draw(dashboard, moment, area, &mut buffer);
    let symbol = |x, y| buffer.cell((x, y)).map_or(" ", |cell| cell.symbol());
    let row = |y| (0..width).map(|x| symbol(x, y)).collect::<String>();
    (0..height).map(|y| row(y).trim_end().to_owned()).collect()
}

/// Without the dots of the curve, whose exact places are the library's.
fn without_dots(rows: Vec<String>) -> Vec<String> {
    let is_dot = |char: char| ('\u{2800}'..='\u{28ff}').contains(&char);
    let blank = |char| if is_dot(char) { ' ' } else { char };
    rows.iter()
        .map(|row| {
            row.chars()
                .map(blank)
                .collect::<String>()
                .trim_end()
                .to_owned()
        })
        .collect()
}
