//! Vocabularies of one's own: trained on any texts, the same one from the same texts every time.
//!
//! Texts are read once, as a stream, and only [`WordCounts`] stay of them.

mod alphabet;
mod counting;
mod unigram;
mod word_piece;

pub use counting::WordCounts;

use super::Tokenizer;
use crate::DataError;

/// What a vocabulary is trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// ELECTRA: see [`word_piece`].
    WordPiece,
    /// T5: see [`unigram`].
    Unigram,
}

/// Trains a lower-casing WordPiece vocabulary for ELECTRA: `[PAD] [UNK] [CLS] [SEP] [MASK]` are ids 0 to 4.
///
/// At most `vocab_size` entries. As in BERT's trainers the 1000 most frequent letters are kept, here fewer where they
/// would fill more than half of the vocabulary (a letter has one entry at the start of a word and one inside). A word
/// with another letter is `[UNK]`.
///
/// # Errors
/// [`DataError::TokenizerTraining`] if the texts hold no word or `vocab_size` no room beside the special tokens.
pub fn word_piece<T>(texts: T, vocab_size: usize) -> Result<Tokenizer, DataError>
where
    T: IntoIterator<Item: AsRef<str> + Send, IntoIter: Send>,
{
    WordCounts::count(Family::WordPiece, texts)?.train(vocab_size)
}

/// Trains a Unigram vocabulary for T5: `<pad>` 0, `</s>` 1, `<unk>` 2, the pieces by falling probability, then 100
/// sentinels of which `<extra_id_0>` has the highest id. Text is taken as written, without normalisation.
///
/// `vocab_size` counts everything, the sentinels too; a small corpus may yield fewer pieces. As in SentencePiece the
/// most frequent characters that make up 99.95 % of the texts are kept, and here at least the 256 most frequent ones
/// (fewer where they would fill more than half of the room for pieces). Any other character is `<unk>`.
///
/// # Errors
/// [`DataError::TokenizerTraining`] if the texts hold no word, or `vocab_size` has no room for every character kept
/// beside the special tokens and sentinels.
pub fn unigram<T>(texts: T, vocab_size: usize) -> Result<Tokenizer, DataError>
where
    T: IntoIterator<Item: AsRef<str> + Send, IntoIter: Send>,
{
    WordCounts::count(Family::Unigram, texts)?.train(vocab_size)
}

fn failed(error: tokenizers::Error) -> DataError {
    invalid(error)
}

fn invalid(reason: impl ToString) -> DataError {
    DataError::TokenizerTraining {
        reason: reason.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
