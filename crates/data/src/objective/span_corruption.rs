//! Span corruption: the denoising objective T5 is pre-trained with (Raffel et al. 2020, section 3.1.4).
//!
//! Random spans of the text are cut out, each replaced by a sentinel; the target lists the cut spans, each after its
//! sentinel. As in the released models, a text begins with a clean stretch and ends with a cut one, so the target needs
//! no closing sentinel.

use rand::Rng;

use super::denoising::{
    Denoised, DenoisingTokens, Lengths, check_noise_density, check_text, unusable_inputs_length,
};
use crate::DataError;

/// The longest text [`SpanCorruption::lengths`] considers, in tokens.
const MAX_RAW_LENGTH: usize = 1 << 24;

/// A token, a sentinel and EOS.
const MIN_INPUTS_LENGTH: usize = 3;

/// How much of a text is cut out, and in spans of which length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpanCorruption {
    /// Fraction of the tokens that is cut out, in (0, 1).
    pub noise_density: f64,
    /// Mean number of tokens of a cut span, at least 1.
    pub mean_span_length: f64,
}

impl Default for SpanCorruption {
    /// 15 % in spans of 3 tokens, the paper's choice.
    fn default() -> Self {
        Self {
            noise_density: 0.15,
            mean_span_length: 3.0,
        }
    }
}

struct NoiseCounts {
    noise_tokens: usize,
    clean_tokens: usize,
    num_spans: usize,
}

impl SpanCorruption {
    /// Checks both numbers.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for a density outside (0, 1) or a mean span length below 1.
    pub fn validate(&self) -> Result<(), DataError> {
        check_noise_density(self.noise_density)?;
        if !(self.mean_span_length >= 1.0 && self.mean_span_length.is_finite()) {
            return Err(DataError::InvalidSetting {
                key: "mean_span_length",
                value: self.mean_span_length.to_string(),
                expected: "a finite number of at least 1",
            });
        }
        Ok(())
    }

    /// The number of spans, and so of sentinels, that a text of `length` tokens (at least 2) gets.
    pub fn num_spans(&self, length: usize) -> usize {
        self.counts(length.max(2)).num_spans
    }

    /// The longest text that fills `inputs_length` tokens of input, and the target it gives, as the released code counts
    /// them: 512 gives a text of 568 tokens and targets of 114 with the paper's settings.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for settings out of range, for an `inputs_length` under 3 (a token, a sentinel and
    /// EOS), and when the density is so high that such a text would be absurdly long.
    pub fn lengths(&self, inputs_length: usize) -> Result<Lengths, DataError> {
        self.validate()?;
        if inputs_length < MIN_INPUTS_LENGTH {
            return Err(unusable_inputs_length(inputs_length, "at least 3 tokens"));
        }
        // The input never gets shorter as the text gets longer, so the last that fits is the longest.
        let mut raw = (2..=MAX_RAW_LENGTH)
            .take_while(|&raw| self.published_counts(raw).inputs() <= inputs_length)
            .last()
            .unwrap_or(2);
        if raw == MAX_RAW_LENGTH {
            return Err(unusable_inputs_length(
                inputs_length,
                "shorter inputs, or a lower noise_density: the text would pass 16 million tokens",
            ));
        }
        let mut targets = self.published_counts(raw).targets();
        // At an even split the target may pass the input by one; the released code then takes one token off.
        if self.noise_density == 0.5 && targets > inputs_length {
            raw -= 1;
            targets -= 1;
        }
        Ok(Lengths {
            raw,
            inputs: inputs_length,
            targets,
        })
    }

    /// The lengths for rows that nothing need be cut from. They are those of [`SpanCorruption::lengths`] except where the
    /// number of spans rounds to none: the released code then leaves no room for the one span that every text gets, and
    /// cuts its sentinel off the input. (128 tokens with 15 % in spans of 64 is such a case.)
    ///
    /// # Errors
    /// As [`SpanCorruption::lengths`].
    pub fn row_lengths(&self, inputs_length: usize) -> Result<Lengths, DataError> {
        let published = self.lengths(inputs_length)?;
        let raw = (2..=published.raw)
            .rev()
            .find(|&raw| self.counts(raw).inputs() <= inputs_length)
            .unwrap_or(2);
        Ok(Lengths {
            raw,
            inputs: inputs_length,
            targets: published.targets.max(self.targets_length(raw)),
        })
    }

    /// Corrupts one text: its tokens with each cut span replaced by a sentinel, and the cut spans with each clean
    /// stretch replaced by one, `eos` at the end of both. `sentinel` gives the id of the sentinel of an index from 0.
    ///
    /// # Errors
    /// [`DataError::TextTooShort`] for less than 2 tokens, [`DataError::NotEnoughSentinels`] when `sentinel` has none
    /// for a span.
    pub fn apply(
        &self,
        tokens: &[u32],
        sentinel: impl Fn(usize) -> Option<u32>,
        eos: u32,
        rng: &mut impl Rng,
    ) -> Result<(Vec<u32>, Vec<u32>), DataError> {
        check_text(tokens)?;
        let counts = self.counts(tokens.len());
        let noise_lengths = random_composition(counts.noise_tokens, counts.num_spans, rng);
        let clean_lengths = random_composition(counts.clean_tokens, counts.num_spans, rng);
        let mut inputs = Vec::with_capacity(counts.inputs());
        let mut targets = Vec::with_capacity(counts.targets());
        let mut rest = tokens;
        for (index, (clean, noise)) in clean_lengths.into_iter().zip(noise_lengths).enumerate() {
            let sentinel = sentinel(index).ok_or(DataError::NotEnoughSentinels {
                spans: counts.num_spans,
                sentinels: index,
            })?;
            let (clean_tokens, after) = rest.split_at(clean);
            let (noise_tokens, after) = after.split_at(noise);
            inputs.extend_from_slice(clean_tokens);
            inputs.push(sentinel);
            targets.push(sentinel);
            targets.extend_from_slice(noise_tokens);
            rest = after;
        }
        inputs.push(eos);
        targets.push(eos);
        Ok((inputs, targets))
    }

    pub(super) fn denoised(
        &self,
        text: &[u32],
        tokens: &DenoisingTokens,
        rng: &mut impl Rng,
    ) -> Result<Denoised, DataError> {
        let sentinel = |index: usize| tokens.sentinels.get(index).copied();
        let (inputs, targets) = self.apply(text, sentinel, tokens.eos, rng)?;
        Ok(Denoised { inputs, targets })
    }

    /// Tokens of the target of a text of `length` tokens.
    pub(super) fn targets_length(&self, length: usize) -> usize {
        self.counts(length).targets()
    }

    /// What corruption makes of a text of `length` tokens.
    fn counts(&self, length: usize) -> NoiseCounts {
        let counts = self.published_counts(length);
        NoiseCounts {
            num_spans: counts.num_spans.max(1),
            ..counts
        }
    }

    /// As the released code plans lengths: `num_spans` may be 0.
    fn published_counts(&self, length: usize) -> NoiseCounts {
        let noise_tokens = rounded(self.noise_density * length as f64).clamp(1, length - 1);
        let clean_tokens = length - noise_tokens;
        // Every span needs a token of its own and a clean one before it.
        let num_spans = rounded(noise_tokens as f64 / self.mean_span_length)
            .min(noise_tokens)
            .min(clean_tokens);
        NoiseCounts {
            noise_tokens,
            clean_tokens,
            num_spans,
        }
    }
}

impl NoiseCounts {
    fn inputs(&self) -> usize {
        self.clean_tokens + self.num_spans + 1
    }

    fn targets(&self) -> usize {
        self.noise_tokens + self.num_spans + 1
    }
}

/// Rounds ties to even, as the Python that the published lengths come from does.
fn rounded(value: f64) -> usize {
    value.round_ties_even() as usize
}

/// `total` as an ordered sum of `num_parts` positive numbers, every such sum equally likely.
fn random_composition(total: usize, num_parts: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut boundaries: Vec<usize> = rand::seq::index::sample(rng, total - 1, num_parts - 1)
        .into_iter()
        .map(|gap| gap + 1)
        .collect();
    boundaries.sort_unstable();
    boundaries.push(total);
    let mut start = 0;
    boundaries
        .into_iter()
        .map(|end| end - std::mem::replace(&mut start, end))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
