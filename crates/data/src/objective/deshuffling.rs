//! Deshuffling: the tokens of a text, in any order, are put back into theirs (Raffel et al. 2020, section 3.3.1).

use rand::Rng;
use rand::seq::SliceRandom;

use super::denoising::{Denoised, Lengths, MIN_RAW_LENGTH, unusable_inputs_length};
use crate::DataError;

/// Both sides have all tokens, and EOS.
pub(super) fn row_lengths(inputs_length: usize) -> Result<Lengths, DataError> {
    if inputs_length <= MIN_RAW_LENGTH {
        return Err(unusable_inputs_length(inputs_length, "at least 3 tokens"));
    }
    Ok(Lengths {
        raw: inputs_length - 1,
        inputs: inputs_length,
        targets: inputs_length,
    })
}

/// Every order is equally likely, the original one too.
pub(super) fn apply(text: &[u32], eos: u32, rng: &mut impl Rng) -> Denoised {
    let mut shuffled = text.to_vec();
    shuffled.shuffle(rng);
    Denoised::ending_in(eos, shuffled, text.to_vec())
}
