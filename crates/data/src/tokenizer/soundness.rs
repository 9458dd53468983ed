//! Whether a tokenizer can be used on any text, found out before it is.

use super::{config::invalid, t5};
use crate::{DataError, error::panic_message};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};
use tokenizers::{Model, Result as TokenizersResult, Tokenizer};

/// Real vocabularies end below a million. A model has a row for every id up to the highest.
const MAX_VOCABULARY: usize = 1 << 24;
const KNOWN_TEXT: &str = "A text, of 2 parts.";
/// No character at all, so in no vocabulary.
const UNKNOWN_TEXT: &str = "\u{10ffff}";

/// Runs the `tokenizers` crate, which panics over some damaged files: that is an error like any other.
pub(super) fn guarded<T>(work: impl FnOnce() -> TokenizersResult<T>) -> TokenizersResult<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => Err(format!("the tokenizer panicked: {}", panic_message(&*panic)).into()),
    }
}

/// One past the highest id.
///
/// # Errors
/// [`DataError::InvalidTokenizer`] if two tokens share an id, an id is absurd, the unknown token is missing, or the
/// pipeline fails or gives ids without a token.
pub(super) fn check(model: &Tokenizer, path: &Path) -> Result<usize, DataError> {
    let vocab_size = vocab_size(model).map_err(|reason| invalid(path, reason))?;
    check_pipeline(model, vocab_size).map_err(|error| invalid(path, error))?;
    Ok(vocab_size)
}

fn vocab_size(model: &Tokenizer) -> Result<usize, String> {
    let mut tokens: HashMap<u32, String> = HashMap::new();
    let mut vocab_size = 0;
    for (token, id) in model.get_vocab(true) {
        if let Some(other) = tokens.get(&id) {
            let (first, second) = if *other < token {
                (other, &token)
            } else {
                (&token, other)
            };
            return Err(format!(
                "the tokens {first:?} and {second:?} share the id {id}"
            ));
        }
        vocab_size = vocab_size.max(id as usize + 1);
        tokens.insert(id, token);
    }
    if vocab_size > MAX_VOCABULARY {
        return Err(format!(
            "id {} is too high: a vocabulary ends below {MAX_VOCABULARY}",
            vocab_size - 1
        ));
    }
    Ok(vocab_size)
}

/// Runs what a damaged file may break: the character map for every character, the model for text that it does not
/// know, and the special tokens put around one and two texts.
fn check_pipeline(model: &Tokenizer, vocab_size: usize) -> TokenizersResult<()> {
    if let Some(charsmap) = t5::charsmap(model.get_normalizer()) {
        guarded(|| {
            let mut buffer = [0; 4];
            ('\0'..=char::MAX).for_each(|character| {
                charsmap.transform(character.encode_utf8(&mut buffer));
            });
            Ok(())
        })?;
    }
    guarded(|| model.get_model().tokenize(UNKNOWN_TEXT))?;
    let single = guarded(|| model.encode_fast(KNOWN_TEXT, true))?;
    let pair = guarded(|| model.encode_fast((KNOWN_TEXT, KNOWN_TEXT), true))?;
    let mut ids = single.get_ids().iter().chain(pair.get_ids());
    match ids.find(|&&id| id as usize >= vocab_size) {
        Some(id) => Err(format!(
            "puts the id {id} around texts, past the {vocab_size} ids of its vocabulary"
        )
        .into()),
        None => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_library_is_an_error_with_its_message() {
        let error = guarded::<()>(|| panic!("index {} out of range", 7)).unwrap_err();
        assert!(error.to_string().contains("index 7 out of range"));
        assert_eq!(guarded(|| Ok(3)).unwrap(), 3);
    }
}
