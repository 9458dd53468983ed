//! Two texts in one sequence, cut to a length by "longest first".

use super::{EncodedRow, bytes::ByteTokenizer, soundness::guarded, tokenization};
use crate::DataError;
use tokenizers::{Encoding, PostProcessor, TruncationDirection};

/// `</s>` after each text.
const NUM_SPECIAL_BYTES: usize = 2;

pub(super) fn encode_bytes(
    model: &ByteTokenizer,
    first: &str,
    second: &str,
    max_length: usize,
) -> Result<EncodedRow, DataError> {
    let (mut first, mut second) = (model.encode(first), model.encode(second));
    let budget = content_budget(max_length, NUM_SPECIAL_BYTES)?;
    // transformers' Python tokenizers drop one id at a time, of the second text where both are equally long, so the
    // first one keeps the odd id.
    let (second_length, first_length) =
        longest_first(second.len(), first.len(), budget, Tie::Second);
    first.truncate(first_length);
    second.truncate(second_length);
    let mut ids = model.with_eos(first);
    ids.extend(model.with_eos(second));
    Ok(EncodedRow {
        token_type_ids: vec![0; ids.len()],
        ids,
    })
}

pub(super) fn encode_subwords(
    model: &tokenizers::Tokenizer,
    first: &str,
    second: &str,
    max_length: usize,
) -> Result<EncodedRow, DataError> {
    // transformers takes an empty second text for none.
    let paired = !second.is_empty();
    let mut first = guarded(|| model.encode_fast(first, false)).map_err(tokenization)?;
    let mut second = guarded(|| model.encode_fast(second, false)).map_err(tokenization)?;
    let num_special = model
        .get_post_processor()
        .map_or(0, |processor| processor.added_tokens(paired));
    let budget = content_budget(max_length, num_special)?;
    let (first_length, second_length) =
        longest_first(first.len(), second.len(), budget, Tie::Longer);
    cut(&mut first, first_length);
    cut(&mut second, second_length);
    let encoding = model
        .post_process(first, paired.then_some(second), true)
        .map_err(tokenization)?;
    Ok(EncodedRow {
        ids: encoding.get_ids().to_vec(),
        token_type_ids: encoding.get_type_ids().to_vec(),
    })
}

fn cut(encoding: &mut Encoding, length: usize) {
    encoding.truncate(length, 0, TruncationDirection::Right);
    encoding.take_overflowing();
}

fn content_budget(max_length: usize, num_special: usize) -> Result<usize, DataError> {
    max_length
        .checked_sub(num_special)
        .ok_or(DataError::PairTooShort {
            max_length,
            num_special,
        })
}

/// Which text keeps the odd id when both are cut.
#[derive(Clone, Copy, PartialEq)]
enum Tie {
    /// The longer one; of two equally long ones the second.
    Longer,
    /// Always the second.
    Second,
}

/// Lengths that fit in `budget` together, taken from the longer text until both are equal, then from both.
fn longest_first(first: usize, second: usize, budget: usize, tie: Tie) -> (usize, usize) {
    let half = budget / 2;
    if first + second <= budget {
        (first, second)
    } else if first <= half {
        (first, budget - first)
    } else if second <= half {
        (budget - second, second)
    } else if tie == Tie::Longer && first > second {
        (budget - half, half)
    } else {
        (half, budget - half)
    }
}
