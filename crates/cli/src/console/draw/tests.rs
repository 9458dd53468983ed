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
        overhead: 0.01,
        waiting: 0.005,
        padding: 0.25,
        num_skipped: 1,
        num_spikes: 0,
        num_rollbacks: 0,
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

#[test]
fn a_common_terminal_shows_curve_facts_scores_and_notes() {
    let rows = without_dots(drawn(&dashboard(), MOMENT, 80, 24));
    let expected = [
        "electra_tiny · 1.5 M parameters",
        "███████████20.0 % · step 20/100 · 4 min 00 s left · 1 min 00 s so far",
        "┌ training loss ─────────────────────────────┐┌ now ───────────────────────────┐",
        "│3.333│                                      ││ loss           0.5000          │",
        "│     │                                      ││ mlm loss       2.0000          │",
        "│     │                                      ││ gradient norm  0.500           │",
        "│     │                                      ││ learning rate  1.00e-3         │",
        "│     │                                      ││ tokens/s       12.3 k          │",
        "│     │                                      ││ compute        85.0 GFLOP/s    │",
        "│1.917│                                      ││ MFU            8.5 %           │",
        "│     │                                      ││ tokens         20.0 k          │",
        "│     │                                      ││ memory         1.50 GiB        │",
        "│     │                                      ││ skipped steps  1               │",
        "│     │                                      ││                                │",
        "│0.500│                                      ││                                │",
        "│     └──────────────────────────────────────││                                │",
        "│     1                                    20││                                │",
        "└────────────────────────────────────────────┘└────────────────────────────────┘",
        "┌ held out, step 10 ───────────────────────────────────────────────────────────┐",
        "│detection auc 0.900  detection loss 0.250                                     │",
        "└──────────────────────────────────────────────────────────────────────────────┘",
        "warning: the discriminator is at the majority class",
        "step 10 saved in runs/electra_tiny-1/checkpoints/step-10",
        "Ctrl-C stops with a checkpoint",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_narrow_terminal_shows_the_alarms_and_the_loss_first() {
    let rows = without_dots(drawn(&dashboard(), MOMENT, 40, 10));
    let expected = [
        "electra_tiny · 1.5 M parameters",
        "█████step 20/100 · 4 min 00 s left",
        "skipped steps 1  loss 0.5000",
        "mlm loss 2.0000  gradient norm 0.500",
        "learning rate 1.00e-3  tokens/s 12.3 k",
        "compute 85.0 GFLOP/s  MFU 8.5 %",
        "held out, step 10",
        "detection auc 0.900",
        "warning: the discriminator is at the maj",
        "step 10 saved in …/checkpoints/step-10",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn no_size_breaks_the_drawing() {
    let empty = Dashboard::default();
    let full = dashboard();
    let mut flat = dashboard();
    flat.losses.iter_mut().for_each(|(_, loss)| *loss = 1.0);
    for width in (0..30).chain([64, 80, 200]) {
        for height in (0..26).chain([50]) {
            for state in [&empty, &full, &flat] {
                let rows = drawn(state, MOMENT, width, height);
                assert_eq!(rows.len(), usize::from(height));
            }
        }
    }
}

#[test]
fn before_the_first_step_the_view_says_what_is_prepared() {
    let dashboard = Dashboard {
        activity: "reading texts: 40 %, 1.2 M tokens".to_owned(),
        ..Dashboard::default()
    };
    let rows = drawn(&dashboard, MOMENT, 80, 24);
    assert!(rows[1].contains("reading texts: 40 %"), "{rows:?}");
    assert!(!rows.join("").contains("Ctrl-C"), "nothing to save yet");
}

#[test]
fn a_run_that_was_asked_to_stop_says_so() {
    let stopping = Moment {
        is_stopping: true,
        ..MOMENT
    };
    let text = drawn(&dashboard(), stopping, 80, 24).join("\n");
    assert!(text.contains("stopping after this step"), "{text}");
    assert!(text.contains("Ctrl-C again stops at once"), "{text}");
}

#[test]
fn a_curve_is_scaled_to_what_comes_after_the_first_steps() {
    let mut dashboard = dashboard();
    dashboard.losses = (0..100).map(|step| (f64::from(step), 2.0)).collect();
    dashboard.losses[0].1 = 1000.0;
    dashboard.losses[99].1 = 1.0;
    let text = drawn(&dashboard, MOMENT, 80, 24).join("\n");
    assert!(text.contains("2.000│") && !text.contains("1000"), "{text}");
}

#[test]
fn many_points_are_thinned_to_means() {
    let points: Vec<(f64, f64)> = (0..1000).map(|step| (f64::from(step), 1.0)).collect();
    let thinned = thinned(&points, 64);
    assert!(thinned.len() <= 64);
    assert_eq!(thinned[0], (7.5, 1.0));
}
