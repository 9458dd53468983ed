//! Optimizers, schedules and whole training runs against the reference set. Nothing of it is left out:
//! a variant, a schedule or a training run that is not known here fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod optimizers;
mod schedules;
mod trace;
mod training;

use std::io::Write;

use lamplight_training::recipe::Recipe;

/// A recipe whose `[optimizer]` and `[schedule]` are these inline tables.
fn recipe(optimizer: &str, schedule: &str, num_steps: usize) -> Recipe {
    let overrides = [
        format!("optimizer={{ {optimizer} }}"),
        format!("schedule={{ {schedule} }}"),
        format!("training.steps={num_steps}"),
    ];
    Recipe::load("t5_tiny", &overrides).unwrap().1
}

/// Says what ran, on the stream that is not captured while a test passes.
fn report(kind: &str, names: &[String]) {
    let summary = format!("{kind}: {} ran: {}", names.len(), names.join(", "));
    writeln!(std::io::stderr(), "{summary}").expect("standard error");
}
