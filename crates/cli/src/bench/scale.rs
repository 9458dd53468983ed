//! How time and memory grow.

use lamplight_t5::T5Config;

use super::measure::Case;
use super::{Setting, forward, training};

/// Tokens of a row, each twice as many as the one before; 4096 last.
pub const LENGTHS: [usize; 6] = [128, 256, 512, 1024, 2048, 4096];
/// Tokens that come out for each.
const TARGET: usize = 64;

/// Rows of a batch.
pub const ROWS: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// Tokens of each.
const LENGTH: usize = 128;

/// Tokens for models of each size.
const INPUT: [usize; 2] = [1, 512];

/// A published size.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    name: &'static str,
    d_model: usize,
    num_layers: usize,
}

/// Heads have 64 places, and feed-forward layers four times the width.
pub const SIZES: [Size; 3] = [
    Size::new("small", 512, 6),
    Size::new("base", 768, 12),
    Size::new("large", 1024, 24),
];

impl Size {
    const fn new(name: &'static str, d_model: usize, num_layers: usize) -> Self {
        Self {
            name,
            d_model,
            num_layers,
        }
    }

    fn config(self) -> T5Config {
        T5Config {
            d_model: self.d_model,
            num_layers: self.num_layers,
            num_heads: self.d_model / 64,
            d_ff: 4 * self.d_model,
            ..T5Config::default()
        }
    }
}

/// A training step of T5-small on one row.
pub fn length(setting: &Setting, length: usize) -> anyhow::Result<Case> {
    let step = training::T5Step {
        rows: 1,
        source: length,
        target: TARGET,
        ..training::T5Step::small()
    };
    Ok(labelled(step.case(setting)?, format!("1x{length}")))
}

/// T5-small's encoder on rows of one length.
pub fn batch(setting: &Setting, rows: usize) -> anyhow::Result<Case> {
    let case = forward::t5_encoder_of(setting, &T5Config::default(), [rows, LENGTH])?;
    Ok(labelled(case, format!("{rows}x{LENGTH}")))
}

/// The encoder of a T5 of this size.
pub fn size(setting: &Setting, size: Size) -> anyhow::Result<Case> {
    let case = forward::t5_encoder_of(setting, &size.config(), INPUT)?;
    Ok(labelled(case, size.name.to_owned()))
}

fn labelled(case: Case, shape: String) -> Case {
    Case {
        shape: Some(shape),
        ..case
    }
}
