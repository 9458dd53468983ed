//! UL2's mixture of denoisers (Tay et al. 2022, section 3.1.2): short spans (R), the text's end (S) and long spans or much
//! noise (X), each told apart by a mode token in front of the inputs.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::denoising::{Denoised, DenoisingTokens, Lengths, ModeTokens, unusable_inputs_length};
use super::prefix_lm;
use super::span_corruption::SpanCorruption;
use crate::DataError;

const REGULAR: [SpanCorruption; 2] = [spans(3.0, 0.15), spans(8.0, 0.15)];
const EXTREME: [SpanCorruption; 4] = [
    spans(3.0, 0.5),
    spans(8.0, 0.5),
    spans(64.0, 0.15),
    spans(64.0, 0.5),
];

/// Part of a text that the S-denoiser continues with.
const SEQUENTIAL_DENSITY: f64 = 0.25;

/// A token, a sentinel and EOS.
const MIN_INPUTS_LENGTH: usize = 3;

const fn spans(mean_span_length: f64, noise_density: f64) -> SpanCorruption {
    SpanCorruption {
        noise_density,
        mean_span_length,
    }
}

/// How much of the examples each kind of denoisers makes; only the proportions count. The denoisers of a kind share
/// equally: for R spans of 3 and 8 tokens at 15 %, for S the last quarter of the text (a prefix LM), for X spans of 3
/// and 8 at 50 % and of 64 at 15 % and 50 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixtureOfDenoisers {
    /// Share of the two R-denoisers together, at least 0.
    pub regular: f64,
    /// Share of the S-denoiser, at least 0.
    pub sequential: f64,
    /// Share of the four X-denoisers together, at least 0.
    pub extreme: f64,
}

impl Default for MixtureOfDenoisers {
    /// The paper's: all seven alike.
    fn default() -> Self {
        Self {
            regular: 2.0,
            sequential: 1.0,
            extreme: 4.0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Spans(SpanCorruption),
    Sequential,
}

impl Part {
    /// The longest text whose inputs, without mode tokens, fit `inputs_length`.
    fn raw_length(self, inputs_length: usize) -> Result<usize, DataError> {
        match self {
            Self::Spans(objective) => Ok(objective.row_lengths(inputs_length)?.raw),
            // Three quarters of the text, rounded, and EOS: this starts just above the longest that fits.
            Self::Sequential => Ok((2..=inputs_length.saturating_mul(4) / 3 + 1)
                .rev()
                .find(|&raw| prefix_length(raw) < inputs_length)
                .unwrap_or(2)),
        }
    }

    fn targets_length(self, raw: usize) -> usize {
        match self {
            Self::Spans(objective) => objective.targets_length(raw),
            Self::Sequential => raw - prefix_length(raw) + 1,
        }
    }
}

impl MixtureOfDenoisers {
    /// Checks the shares.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for a share that is negative or not finite, and when all are 0.
    pub fn validate(&self) -> Result<(), DataError> {
        let shares = [
            ("regular", self.regular),
            ("sequential", self.sequential),
            ("extreme", self.extreme),
        ];
        let invalid = |(key, share): (&'static str, f64), expected| {
            Err(DataError::InvalidSetting {
                key,
                value: share.to_string(),
                expected,
            })
        };
        for share in shares {
            if !(share.1 >= 0.0 && share.1.is_finite()) {
                return invalid(share, "a finite number of at least 0");
            }
        }
        if self.total() <= 0.0 || !self.total().is_finite() {
            return invalid(shares[0], "a share above 0 for one kind of denoisers");
        }
        Ok(())
    }

    pub(super) fn row_lengths(
        &self,
        inputs_length: usize,
        modes: &ModeTokens,
    ) -> Result<Lengths, DataError> {
        self.validate()?;
        let mut raw = usize::MAX;
        for (part, mode, _) in self.parts(modes) {
            let room = inputs_length
                .checked_sub(mode.len())
                .filter(|&room| room >= MIN_INPUTS_LENGTH)
                .ok_or_else(|| {
                    let expected = "room for the mode tokens, a token, a sentinel and EOS";
                    unusable_inputs_length(inputs_length, expected)
                })?;
            raw = raw.min(part.raw_length(room)?);
        }
        let targets = self
            .parts(modes)
            .map(|(part, ..)| part.targets_length(raw))
            .max();
        Ok(Lengths {
            raw,
            inputs: inputs_length,
            targets: targets.unwrap_or(0),
        })
    }

    pub(super) fn num_sentinels(&self, raw_length: usize) -> usize {
        let modes = ModeTokens::default();
        let num_spans = self.parts(&modes).map(|(part, ..)| match part {
            Part::Spans(objective) => objective.num_spans(raw_length),
            Part::Sequential => 0,
        });
        num_spans.max().unwrap_or(0)
    }

    /// `text` has at least 2 tokens, and the shares are valid.
    pub(super) fn apply(
        &self,
        text: &[u32],
        tokens: &DenoisingTokens,
        rng: &mut impl Rng,
    ) -> Result<Denoised, DataError> {
        let (part, mode) = self.draw(&tokens.modes, rng);
        let mut denoised = match part {
            Part::Spans(objective) => objective.denoised(text, tokens, rng)?,
            Part::Sequential => prefix_lm::split(text, prefix_length(text.len()), tokens.eos),
        };
        denoised.inputs.splice(0..0, mode.iter().copied());
        Ok(denoised)
    }

    fn draw<'a>(&self, modes: &'a ModeTokens, rng: &mut impl Rng) -> (Part, &'a [u32]) {
        let mut drawn = rng.random::<f64>() * self.total();
        let mut last = (Part::Sequential, modes.sequential.as_slice());
        for (part, mode, share) in self.parts(modes) {
            last = (part, mode);
            if drawn < share {
                break;
            }
            drawn -= share;
        }
        last
    }

    /// The denoisers in use, each with its mode tokens and its share.
    fn parts<'a>(&self, modes: &'a ModeTokens) -> impl Iterator<Item = (Part, &'a [u32], f64)> {
        let regular = (&REGULAR[..], &modes.regular, self.regular);
        let extreme = (&EXTREME[..], &modes.extreme, self.extreme);
        let sequential = (
            Part::Sequential,
            modes.sequential.as_slice(),
            self.sequential,
        );
        [regular, extreme]
            .into_iter()
            .flat_map(|(objectives, mode, share)| {
                let share = share / objectives.len() as f64;
                objectives
                    .iter()
                    .map(move |&objective| (Part::Spans(objective), mode.as_slice(), share))
            })
            .chain([sequential])
            .filter(|&(_, _, share)| share > 0.0)
    }

    fn total(&self) -> f64 {
        self.regular + self.sequential + self.extreme
    }
}

/// What the S-denoiser leaves of a text of `raw` (at least 2) tokens.
fn prefix_length(raw: usize) -> usize {
    let rest = (SEQUENTIAL_DENSITY * raw as f64).round_ties_even() as usize;
    raw - rest.clamp(1, raw - 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
