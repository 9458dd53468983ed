//! Prefix language modelling: a text is continued from its beginning (Raffel et al. 2020, section 3.2.3).

use rand::{Rng, RngExt};

use super::denoising::{Denoised, Lengths, MIN_RAW_LENGTH, unusable_inputs_length};
use crate::DataError;

/// Either side may have all tokens but one, and EOS.
pub(super) fn row_lengths(inputs_length: usize) -> Result<Lengths, DataError> {
    if inputs_length < MIN_RAW_LENGTH {
        return Err(unusable_inputs_length(inputs_length, "at least 2 tokens"));
    }
    Ok(Lengths {
        raw: inputs_length,
        inputs: inputs_length,
        targets: inputs_length,
    })
}

/// A prefix of any length from 1 to all but one, each equally likely. `text` has at least 2 tokens.
pub(super) fn apply(text: &[u32], eos: u32, rng: &mut impl Rng) -> Denoised {
    split(text, rng.random_range(1..text.len()), eos)
}

/// The first `prefix_length` tokens go in, the others come out.
pub(super) fn split(text: &[u32], prefix_length: usize, eos: u32) -> Denoised {
    let (prefix, rest) = text.split_at(prefix_length);
    Denoised::ending_in(eos, prefix.to_vec(), rest.to_vec())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn every_prefix_is_equally_likely() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut counts = [0; 4];
        for _ in 0..4000 {
            let Denoised { inputs, targets } = apply(&[5, 6, 7, 8, 9], 1, &mut rng);
            let prefix_length = inputs.len() - 1;
            assert_eq!(inputs, [&[5, 6, 7, 8, 9][..prefix_length], &[1]].concat());
            assert_eq!(targets, [&[5, 6, 7, 8, 9][prefix_length..], &[1]].concat());
            counts[prefix_length - 1] += 1;
        }
        assert!(
            counts.iter().all(|count| (880..1120).contains(count)),
            "{counts:?}"
        );
    }
}
