//! How often each word occurs in texts that are read once.

use super::{Family, invalid, unigram, word_piece};
use crate::{
    DataError,
    tokenizer::{
        Tokenizer,
        words::{MAX_WORD_BYTES, words},
    },
};
use rayon::iter::{ParallelBridge, ParallelIterator};
use std::collections::{BTreeMap, HashMap};

/// Ordered, so that what is trained does not depend on a hash.
pub(super) type Counts = BTreeMap<String, u64>;

/// How often each word of some texts occurs: all that training a vocabulary needs of them. Its size follows from the
/// number of distinct words.
#[derive(Debug, Clone)]
pub struct WordCounts {
    family: Family,
    counts: Counts,
}

impl WordCounts {
    /// Counts words as the family's tokenizer will cut them, on every core. The texts may come from a stream: each is
    /// let go of once it is counted.
    ///
    /// # Errors
    /// [`DataError::TokenizerTraining`] if the texts hold no word.
    pub fn count<T>(family: Family, texts: T) -> Result<Self, DataError>
    where
        T: IntoIterator<Item: AsRef<str> + Send, IntoIter: Send>,
    {
        let count = |mut seen: Seen, text: T::Item| {
            seen.count(family, text.as_ref())?;
            Ok(seen)
        };
        let seen = texts
            .into_iter()
            .par_bridge()
            .try_fold(Seen::default, count)
            .try_reduce(Seen::default, |seen, other| Ok(seen.merge(other)))?;
        let counts = seen.split(family)?;
        if counts.is_empty() {
            return Err(invalid("the texts hold no word"));
        }
        Ok(Self { family, counts })
    }

    /// Number of distinct words; training takes a time and a memory that grow with it.
    pub fn num_distinct(&self) -> usize {
        self.counts.len()
    }

    /// Trains the family's vocabulary: [`word_piece`](super::word_piece()) or [`unigram`](super::unigram()).
    ///
    /// # Errors
    /// As theirs.
    pub fn train(self, vocab_size: usize) -> Result<Tokenizer, DataError> {
        let counts = within_32_bits(self.counts);
        match self.family {
            Family::WordPiece => word_piece::train(counts, vocab_size),
            Family::Unigram => unigram::train(counts, vocab_size),
        }
    }
}

fn split(family: Family, text: &str) -> Result<Vec<String>, DataError> {
    match family {
        Family::WordPiece => word_piece::split(text),
        Family::Unigram => Ok(unigram::split(text)),
    }
}

/// What one thread has counted. Normalising is slow, so it is done once for what stands between two spaces, however
/// often that occurs; only what is too long to occur again is split at once.
#[derive(Default)]
struct Seen {
    unsplit: HashMap<Box<str>, u64>,
    words: HashMap<String, u64>,
}

impl Seen {
    fn count(&mut self, family: Family, text: &str) -> Result<(), DataError> {
        for part in words(text) {
            if let Some(count) = self.unsplit.get_mut(part) {
                *count += 1;
            } else if part.len() <= MAX_WORD_BYTES {
                self.unsplit.insert(part.into(), 1);
            } else {
                for word in split(family, part)? {
                    *self.words.entry(word).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    fn merge(mut self, other: Self) -> Self {
        for (part, count) in other.unsplit {
            *self.unsplit.entry(part).or_default() += count;
        }
        for (word, count) in other.words {
            *self.words.entry(word).or_default() += count;
        }
        self
    }

    fn split(self, family: Family) -> Result<Counts, DataError> {
        let mut counts: Counts = self.words.into_iter().collect();
        for (part, count) in self.unsplit {
            for word in split(family, &part)? {
                *counts.entry(word).or_default() += count;
            }
        }
        Ok(counts)
    }
}

/// The trainers count in 32 bits. Where the texts are longer than that, all counts shrink by one factor, and words
/// that are rarer than it are left out.
pub(super) fn within_32_bits(mut counts: Counts) -> Counts {
    let characters =
        |(word, count): (&String, &u64)| count.saturating_mul(word.chars().count() as u64);
    let total = counts.iter().map(characters).fold(0, u64::saturating_add);
    let factor = total.div_ceil(u64::from(i32::MAX.unsigned_abs()));
    if factor > 1 {
        counts.retain(|_, count| {
            *count /= factor;
            *count > 0
        });
    }
    counts
}
