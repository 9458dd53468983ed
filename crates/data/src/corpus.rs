//! Documents as token ids, in memory.

mod reading;

use std::path::PathBuf;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::DataError;
use crate::tokenizer::Tokenizer;

/// How far [`Corpus::read`] has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the files (as they lie on disk, compressed or not) that have been read.
    pub bytes_read: u64,
    /// Bytes of all files.
    pub bytes_total: u64,
    /// Tokens so far.
    pub tokens: u64,
}

/// Tokenised documents, without special tokens; none is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corpus {
    documents: Vec<Vec<u32>>,
    skipped: u64,
}

impl Corpus {
    /// Reads and tokenises files, on all cores. Documents that cannot be used (a line that is no UTF-8 or JSON, say) are
    /// skipped and counted, the first few logged with file and line; documents without tokens are left out.
    ///
    /// # Errors
    /// [`DataError::TooManyBadDocuments`] when over 10, and over 10 % of all, cannot be used, [`DataError::NoText`] when
    /// nothing is left, and whatever keeps a file from being read to its end.
    pub fn read(
        paths: &[PathBuf],
        tokenizer: &Tokenizer,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, DataError> {
        reading::read(paths, tokenizer, progress)
    }

    /// Tokenises texts, one document each.
    ///
    /// # Errors
    /// [`DataError::Tokenization`] when the tokenizer refuses a text.
    pub fn from_texts<T: AsRef<str> + Sync>(
        texts: &[T],
        tokenizer: &Tokenizer,
    ) -> Result<Self, DataError> {
        let documents = texts
            .par_iter()
            .map(|text| tokenizer.encode_ordinary(text.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self::from_documents(documents))
    }

    /// A corpus of documents that are token ids already; empty ones are left out.
    pub fn from_documents(mut documents: Vec<Vec<u32>>) -> Self {
        documents.retain(|document| !document.is_empty());
        Self {
            documents,
            skipped: 0,
        }
    }

    /// The documents.
    pub fn documents(&self) -> &[Vec<u32>] {
        &self.documents
    }

    /// How many documents could not be used.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Tokens of all documents.
    pub fn num_tokens(&self) -> usize {
        self.documents.iter().map(Vec::len).sum()
    }

    /// Checks that a model with `vocab_size` rows in its embedding has one for every id.
    ///
    /// # Errors
    /// [`DataError::IdPastVocabulary`], which names the highest id.
    pub fn check_vocabulary(&self, vocab_size: usize) -> Result<(), DataError> {
        let highest = self.documents.par_iter().flatten().copied().max();
        match highest {
            Some(id) if id as usize >= vocab_size => {
                Err(DataError::IdPastVocabulary { id, vocab_size })
            }
            _ => Ok(()),
        }
    }

    /// Takes a random `fraction` of the documents out: what is left for training, and what is held out. Each side gets
    /// at least one document where there are two; of a single document the end is held out.
    pub fn split_held_out(mut self, fraction: f64, seed: u64) -> (Self, Self) {
        if self.documents.len() == 1 {
            return self.split_only_document(fraction);
        }
        let mut order: Vec<usize> = (0..self.documents.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        order.truncate(num_held_out(self.documents.len(), fraction));
        // In the order drawn, so that the first held-out documents are a sample of all.
        let held_out = order
            .iter()
            .map(|&index| std::mem::take(&mut self.documents[index]))
            .collect();
        self.documents.retain(|document| !document.is_empty());
        (self, Self::from_documents(held_out))
    }

    fn split_only_document(mut self, fraction: f64) -> (Self, Self) {
        let held_out = match self.documents.first_mut() {
            Some(document) => {
                document.split_off(document.len() - num_held_out(document.len(), fraction))
            }
            None => Vec::new(),
        };
        (self, Self::from_documents(vec![held_out]))
    }
}

/// How many of `total` items are held out: none when asked for none, else at least one where one is left beside it.
fn num_held_out(total: usize, fraction: f64) -> usize {
    if total < 2 || fraction <= 0.0 {
        return 0;
    }
    ((total as f64 * fraction).round() as usize).clamp(1, total - 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn numbered(num_documents: u32) -> Corpus {
        Corpus::from_documents((0..num_documents).map(|id| vec![id; 3]).collect())
    }

    fn ids(corpus: &Corpus) -> BTreeSet<u32> {
        corpus.documents().iter().flatten().copied().collect()
    }

    #[test]
    fn a_split_loses_nothing_and_shares_nothing() {
        let (training, held_out) = numbered(100).split_held_out(0.05, 7);
        assert_eq!(held_out.documents().len(), 5);
        assert!(ids(&training).is_disjoint(&ids(&held_out)));
        assert_eq!(training.num_tokens() + held_out.num_tokens(), 300);
        assert_eq!(numbered(100).split_held_out(0.05, 7), (training, held_out));
    }

    #[test]
    fn each_side_of_a_split_gets_something_where_it_can() {
        let (training, held_out) = numbered(2).split_held_out(0.001, 0);
        assert_eq!((training.num_tokens(), held_out.num_tokens()), (3, 3));
        let only = Corpus::from_documents(vec![(0..100).collect()]);
        let (training, held_out) = only.split_held_out(0.1, 0);
        assert_eq!((training.num_tokens(), held_out.num_tokens()), (90, 10));
        assert_eq!(held_out.documents()[0][0], 90);
        let (training, held_out) = numbered(10).split_held_out(0.0, 0);
        assert_eq!((training.num_tokens(), held_out.num_tokens()), (30, 0));
    }

    #[test]
    fn an_id_past_the_vocabulary_is_an_error_that_names_both() {
        let error = numbered(10).check_vocabulary(9).unwrap_err().to_string();
        assert!(error.contains('9'), "{error}");
        assert!(numbered(10).check_vocabulary(10).is_ok());
    }
}
