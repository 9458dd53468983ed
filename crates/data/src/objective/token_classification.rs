//! Token classification: words with a label each (named entities, parts of speech) as pieces (Devlin et al. 2019, section
//! 5.3). The first piece of a word bears its label, the others bear none.

use crate::DataError;
use crate::tokenizer::Tokenizer;

/// Makes rows of words for one tokenizer.
#[derive(Clone, Debug)]
pub struct WordAlignment<'a> {
    tokenizer: &'a Tokenizer,
    /// Pieces that fit between the special tokens.
    room: usize,
    /// Special tokens in front of the pieces and behind them.
    front: Vec<u32>,
    back: Vec<u32>,
    /// What keeps two words apart; none where the pieces of a word say that they start one.
    space: Vec<u32>,
}

/// Words as one row, not padded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlignedWords {
    /// Ids with special tokens, `[tokens]`.
    pub ids: Vec<u32>,
    /// Per id the index of the word it is the first piece of, `[tokens]`. Words that were cut off, or that have no piece,
    /// do not occur.
    pub first_pieces: Vec<Option<usize>>,
    num_words: usize,
}

impl<'a> WordAlignment<'a> {
    /// For rows of at most `max_length` ids, special tokens included.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] when the special tokens leave no room, [`DataError::Tokenization`] if the tokenizer
    /// fails.
    pub fn new(tokenizer: &'a Tokenizer, max_length: usize) -> Result<Self, DataError> {
        let mut front = tokenizer.encode("")?;
        let starts_with_cls = front
            .first()
            .is_some_and(|&id| tokenizer.special().cls == Some(id));
        let back = front.split_off(usize::from(starts_with_cls));
        let room = max_length.saturating_sub(front.len() + back.len());
        if room == 0 {
            return Err(DataError::InvalidSetting {
                key: "max_length",
                value: max_length.to_string(),
                expected: "room for a piece beside the special tokens",
            });
        }
        Ok(Self {
            tokenizer,
            room,
            front,
            back,
            space: tokenizer.encode_ordinary(" ")?,
        })
    }

    /// The pieces of all words between the special tokens, those that do not fit cut off.
    ///
    /// # Errors
    /// [`DataError::Tokenization`] if the tokenizer fails.
    pub fn align(&self, words: &[impl AsRef<str>]) -> Result<AlignedWords, DataError> {
        let mut pieces = Vec::new();
        let mut first_pieces = Vec::new();
        for (index, word) in words.iter().enumerate() {
            if pieces.len() >= self.room {
                break;
            }
            let word = self.tokenizer.encode_ordinary(word.as_ref())?;
            // A word may have no piece, say a lone control character.
            if word.is_empty() {
                continue;
            }
            if !pieces.is_empty() {
                pieces.extend_from_slice(&self.space);
            }
            first_pieces.resize(pieces.len(), None);
            first_pieces.push(Some(index));
            pieces.extend(word);
        }
        pieces.truncate(self.room);
        first_pieces.resize(pieces.len(), None);

        let ids = [&self.front[..], &pieces, &self.back].concat();
        first_pieces.splice(0..0, vec![None; self.front.len()]);
        first_pieces.resize(ids.len(), None);
        Ok(AlignedWords {
            ids,
            first_pieces,
            num_words: words.len(),
        })
    }
}

impl AlignedWords {
    /// Per id the label of the word it is the first piece of, `[tokens]`; `labels` has one for each word.
    ///
    /// # Errors
    /// [`DataError::LabelCount`] when it has not.
    pub fn labels(&self, labels: &[u32]) -> Result<Vec<Option<u32>>, DataError> {
        if labels.len() != self.num_words {
            return Err(DataError::LabelCount {
                words: self.num_words,
                labels: labels.len(),
            });
        }
        let words = self.first_pieces.iter();
        Ok(words.map(|word| word.map(|index| labels[index])).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
