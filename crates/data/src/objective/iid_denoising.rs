//! I.i.d. denoising: the objective of T5's baseline (Raffel et al. 2020, section 3.1.4).
//!
//! Every token is cut out with the same probability, whatever its neighbours; tokens cut out side by side share one
//! sentinel. The target is laid out as in span corruption: each cut run after its sentinel, no closing sentinel. (The
//! released code gives the target a sentinel for each clean stretch instead, so that a text that begins with a cut
//! token has its first run without one, and a text that ends clean has a sentinel at the end.)

use rand::{Rng, RngExt};

use super::denoising::{
    Denoised, DenoisingTokens, Lengths, MIN_RAW_LENGTH, check_noise_density, unusable_inputs_length,
};
use crate::DataError;

/// Target tokens per token expected to be cut: 192 for inputs of 512 at 15 %, as in the released settings.
const TARGETS_PER_NOISE: f64 = 2.5;

/// A sentinel, a token and EOS.
const MIN_TARGETS_LENGTH: usize = 3;

/// How much of a text is cut out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IidDenoising {
    /// Probability that a token is cut out, in (0, 1).
    pub noise_density: f64,
}

impl Default for IidDenoising {
    fn default() -> Self {
        Self {
            noise_density: 0.15,
        }
    }
}

impl IidDenoising {
    /// Checks the density.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for one outside (0, 1).
    pub fn validate(&self) -> Result<(), DataError> {
        check_noise_density(self.noise_density)
    }

    /// Texts one token shorter than the inputs, since EOS is added and a sentinel stands for at least one token.
    pub(super) fn row_lengths(&self, inputs_length: usize) -> Result<Lengths, DataError> {
        self.validate()?;
        if inputs_length <= MIN_RAW_LENGTH {
            return Err(unusable_inputs_length(inputs_length, "at least 3 tokens"));
        }
        let raw = inputs_length - 1;
        Ok(Lengths {
            raw,
            inputs: inputs_length,
            targets: self.targets_length(raw),
        })
    }

    /// The most target tokens that a text of `raw` tokens gets. It does not get smaller as the text gets longer.
    fn targets_length(&self, raw: usize) -> usize {
        let inputs_length = raw.saturating_add(1);
        let wanted = TARGETS_PER_NOISE * self.noise_density * inputs_length as f64;
        // Cutting every other token gives the longest target there can be.
        (wanted.round() as usize).clamp(MIN_TARGETS_LENGTH, inputs_length.saturating_add(1))
    }

    /// `text` has at least 2 tokens, and the density is valid.
    pub(super) fn apply(
        &self,
        text: &[u32],
        tokens: &DenoisingTokens,
        rng: &mut impl Rng,
    ) -> Result<Denoised, DataError> {
        if tokens.sentinels.is_empty() {
            return Err(DataError::NotEnoughSentinels {
                spans: 1,
                sentinels: 0,
            });
        }
        let noise_mask = self.noise_mask(text.len(), tokens.sentinels.len(), rng);
        let mut sentinels = tokens.sentinels.iter();
        let mut inputs = Vec::with_capacity(text.len() + 1);
        let mut targets = Vec::with_capacity(self.targets_length(text.len()));
        let mut in_run = false;
        for (&token, is_noise) in text.iter().zip(noise_mask) {
            if !is_noise {
                inputs.push(token);
            } else {
                if !in_run {
                    // The mask has no more runs than there are sentinels.
                    inputs.extend(sentinels.clone().next());
                    targets.extend(sentinels.next());
                }
                targets.push(token);
            }
            in_run = is_noise;
        }
        Ok(Denoised::ending_in(tokens.eos, inputs, targets))
    }

    /// Which tokens are cut out: at least one and not all. Where the sentinels or the target row run out, further tokens
    /// stay.
    fn noise_mask(&self, length: usize, num_sentinels: usize, rng: &mut impl Rng) -> Vec<bool> {
        let mut room = self.targets_length(length) - 1;
        let mut sentinels_left = num_sentinels;
        let mut num_noise = 0;
        let mut in_run = false;
        let mut noise_mask: Vec<bool> = (0..length)
            .map(|position| {
                let new_sentinels = usize::from(!in_run);
                let cost = new_sentinels + 1;
                let leaves_a_token = num_noise < position || position + 1 < length;
                let fits = new_sentinels <= sentinels_left && cost <= room && leaves_a_token;
                in_run = rng.random_bool(self.noise_density) && fits;
                if in_run {
                    sentinels_left -= new_sentinels;
                    room -= cost;
                    num_noise += 1;
                }
                in_run
            })
            .collect();
        if num_noise == 0 {
            noise_mask[rng.random_range(0..length)] = true;
        }
        noise_mask
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::denoising::ModeTokens;
    use super::*;

    #[test]
    fn rows_are_as_wide_as_the_released_ones() {
        let lengths = IidDenoising::default().row_lengths(512).unwrap();
        let expected = Lengths {
            raw: 511,
            inputs: 512,
            targets: 192,
        };
        assert_eq!(lengths, expected);
        assert!(IidDenoising::default().row_lengths(2).is_err());
    }

    #[test]
    fn tokens_are_cut_at_the_density_asked_for_and_everywhere_alike() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut hits = [0; 100];
        for _ in 0..4000 {
            let noise_mask = IidDenoising::default().noise_mask(100, 100, &mut rng);
            for (hits, is_noise) in hits.iter_mut().zip(noise_mask) {
                *hits += usize::from(is_noise);
            }
        }
        // 600 expected, with a standard deviation of 23. Few texts have so much noise that their end must stay clean.
        assert!(
            hits.iter().all(|hits| (490..700).contains(hits)),
            "{hits:?}"
        );
    }

    #[test]
    fn tokens_cut_side_by_side_share_a_sentinel() {
        let objective = IidDenoising { noise_density: 0.5 };
        let tokens = DenoisingTokens {
            eos: 1,
            sentinels: vec![99, 98, 97],
            modes: ModeTokens::default(),
        };
        let text: Vec<u32> = (10..18).collect();
        // The first draw with these runs, of one token and of two.
        let seed = (0..)
            .find(|&seed| {
                let rng = &mut ChaCha8Rng::seed_from_u64(seed);
                objective.noise_mask(8, 3, rng)
                    == [false, true, true, false, true, false, false, true]
            })
            .unwrap();
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let denoised = objective.apply(&text, &tokens, rng).unwrap();
        assert_eq!(denoised.inputs, [10, 99, 13, 98, 15, 16, 97, 1]);
        assert_eq!(denoised.targets, [99, 11, 12, 98, 14, 97, 17, 1]);
    }
}
