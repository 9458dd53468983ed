//! The masked positions of replaced-token detection: what ELECTRA's generator fills in (Clark et al. 2020, section 2).
//!
//! The published code draws positions with replacement, which masks fewer than it says and averages the ids of
//! positions drawn twice; here they are drawn without.

use rand::{Rng, RngExt};

use super::segment_pairs::Segments;
use crate::DataError;
use crate::tokenizer::SpecialTokens;

/// How many positions are chosen, and how many of those keep their token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Masking {
    /// Fraction of a sequence's tokens that is chosen, in (0, 1). 0.15 for small and base, 0.25 for large.
    pub mask_fraction: f64,
    /// Probability that a chosen position keeps its token instead of `[MASK]`, in [0, 1]. The generator predicts it all
    /// the same. 0.15 in the published code, 0 in the paper.
    pub keep_fraction: f64,
}

impl Default for Masking {
    fn default() -> Self {
        Self {
            mask_fraction: 0.15,
            keep_fraction: 0.15,
        }
    }
}

/// The ids that are never chosen, and the one that hides a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskingTokens {
    /// `[PAD]`
    pub pad: u32,
    /// `[CLS]`
    pub cls: u32,
    /// `[SEP]`
    pub sep: u32,
    /// `[MASK]`
    pub mask: u32,
}

impl MaskingTokens {
    fn contains(&self, id: u32) -> bool {
        [self.pad, self.cls, self.sep, self.mask].contains(&id)
    }
}

impl TryFrom<&SpecialTokens> for MaskingTokens {
    type Error = DataError;

    fn try_from(special: &SpecialTokens) -> Result<Self, DataError> {
        let required = |id: Option<u32>, token| id.ok_or(DataError::MissingSpecialToken { token });
        Ok(Self {
            pad: special.pad,
            cls: required(special.cls, "[CLS]")?,
            sep: required(special.sep, "[SEP]")?,
            mask: required(special.mask, "[MASK]")?,
        })
    }
}

/// One sequence with its masked copy, not padded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedExample {
    /// The original ids, `[tokens]`.
    pub input_ids: Vec<u32>,
    /// The segment of each, `[tokens]`.
    pub token_type_ids: Vec<u32>,
    /// What the generator sees, `[tokens]`.
    pub masked_input_ids: Vec<u32>,
    /// The positions the generator predicts, ascending and unique.
    pub masked_positions: Vec<u32>,
}

impl Masking {
    /// Checks both fractions.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for a fraction out of its range.
    pub fn validate(&self) -> Result<(), DataError> {
        if !(self.mask_fraction > 0.0 && self.mask_fraction < 1.0) {
            return Err(DataError::InvalidSetting {
                key: "mask_fraction",
                value: self.mask_fraction.to_string(),
                expected: "a number between 0 and 1, both excluded",
            });
        }
        if !(0.0..=1.0).contains(&self.keep_fraction) {
            return Err(DataError::InvalidSetting {
                key: "keep_fraction",
                value: self.keep_fraction.to_string(),
                expected: "a number from 0 to 1",
            });
        }
        Ok(())
    }

    /// The most positions chosen in a sequence padded to `length`: 19 of 128 and 79 of 512 at 15 %.
    pub fn max_masked(&self, length: usize) -> usize {
        (((self.mask_fraction + 0.005) * length as f64) as usize).max(1)
    }

    /// Chooses positions of a sequence (no padding) and masks them. `padded_length` is the length the sequence will be
    /// padded to; it bounds the number of positions. A sequence of special tokens alone gets none.
    pub fn apply(
        &self,
        sequence: Segments,
        tokens: &MaskingTokens,
        padded_length: usize,
        rng: &mut impl Rng,
    ) -> MaskedExample {
        let Segments {
            input_ids,
            token_type_ids,
        } = sequence;
        let candidates: Vec<usize> = (0..input_ids.len())
            .filter(|&position| !tokens.contains(input_ids[position]))
            .collect();
        let wanted = (self.mask_fraction * input_ids.len() as f64).round_ties_even() as usize;
        let num_masked = wanted
            .clamp(1, self.max_masked(padded_length))
            .min(candidates.len());
        let mut chosen: Vec<usize> = rand::seq::index::sample(rng, candidates.len(), num_masked)
            .into_iter()
            .map(|candidate| candidates[candidate])
            .collect();
        chosen.sort_unstable();
        let mut masked_input_ids = input_ids.clone();
        for &position in &chosen {
            if rng.random::<f64>() >= self.keep_fraction {
                masked_input_ids[position] = tokens.mask;
            }
        }
        MaskedExample {
            input_ids,
            token_type_ids,
            masked_input_ids,
            masked_positions: chosen.into_iter().map(|position| position as u32).collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const TOKENS: MaskingTokens = MaskingTokens {
        pad: 0,
        cls: 2,
        sep: 3,
        mask: 4,
    };

    #[test]
    fn most_masked_positions_match_the_published_numbers() {
        let small = Masking::default();
        let large = Masking {
            mask_fraction: 0.25,
            ..small
        };
        assert_eq!(small.max_masked(128), 19);
        assert_eq!(small.max_masked(512), 79);
        assert_eq!(large.max_masked(512), 130);
    }

    #[test]
    fn without_keeping_every_chosen_position_is_masked() {
        let masking = Masking {
            keep_fraction: 0.0,
            ..Masking::default()
        };
        let ids: Vec<u32> = (10..110).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let example = masking.apply(Segments::single(ids.clone()), &TOKENS, 128, &mut rng);
        assert_eq!(example.masked_positions.len(), 15);
        for (position, (&masked, &original)) in
            example.masked_input_ids.iter().zip(&ids).enumerate()
        {
            let chosen = example.masked_positions.contains(&(position as u32));
            assert_eq!(masked, if chosen { TOKENS.mask } else { original });
        }
    }

    #[test]
    fn a_sequence_of_special_tokens_is_left_as_it_is() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let example =
            Masking::default().apply(Segments::single(vec![2, 3]), &TOKENS, 128, &mut rng);
        assert_eq!(example.masked_input_ids, [2, 3]);
        assert!(example.masked_positions.is_empty());
    }

    #[test]
    fn fractions_out_of_range_are_errors() {
        for (mask_fraction, keep_fraction) in
            [(0.0, 0.15), (1.0, 0.15), (0.15, -0.1), (0.15, f64::NAN)]
        {
            let masking = Masking {
                mask_fraction,
                keep_fraction,
            };
            assert!(masking.validate().is_err(), "{masking:?}");
        }
    }

    #[test]
    fn a_tokenizer_without_a_mask_token_is_an_error() {
        let special = SpecialTokens {
            pad: 0,
            eos: Some(1),
            unk: Some(2),
            cls: None,
            sep: None,
            mask: None,
        };
        let error = MaskingTokens::try_from(&special).unwrap_err();
        assert!(error.to_string().contains("[CLS]"), "{error}");
    }
}
