//! Cuts a corpus into pieces of one length.

use std::ops::Range;
use std::sync::Arc;

use crate::corpus::Corpus;
use crate::digest::Digest;

/// The documents of a corpus one after the other, cut into pieces of `capacity` tokens. The last piece may be shorter.
/// Where a piece starts follows from its number alone.
pub(super) struct Pieces {
    corpus: Arc<Corpus>,
    capacity: usize,
    separator: Option<u32>,
    num_pieces: usize,
}

impl Pieces {
    /// `separator` stands between two documents, and counts as a token; where a piece would start or end with one, it is
    /// left out. The last piece is dropped when it has fewer than `min_tokens`. `capacity` is at least 2.
    pub(super) fn new(
        corpus: Arc<Corpus>,
        capacity: usize,
        separator: Option<u32>,
        min_tokens: usize,
    ) -> Self {
        let mut pieces = Self {
            corpus,
            capacity,
            separator,
            num_pieces: 0,
        };
        pieces.num_pieces = pieces.length().div_ceil(capacity);
        if let Some(last) = pieces.num_pieces.checked_sub(1)
            && pieces.piece(last).len() < min_tokens
        {
            pieces.num_pieces = last;
        }
        pieces
    }

    pub(super) fn num_pieces(&self) -> usize {
        self.num_pieces
    }

    /// A digest of the documents.
    pub(super) fn digest(&self) -> Digest {
        self.corpus.digest()
    }

    /// The tokens of one piece.
    pub(super) fn piece(&self, index: usize) -> Vec<u32> {
        let range = self.range(index);
        let Some(separator) = self.separator else {
            return self.corpus.tokens(range);
        };
        let mut tokens = self.corpus.separated_tokens(range, separator);
        tokens.pop_if(|last| *last == separator);
        if tokens.first() == Some(&separator) {
            tokens.remove(0);
        }
        tokens
    }

    /// Where a piece stands in its file, for messages.
    pub(super) fn place(&self, index: usize) -> String {
        let start = self.range(index).start;
        // Separators before the piece are not told from tokens: near enough to find a shard.
        (self.corpus).place(start.min(self.corpus.num_tokens().saturating_sub(1)))
    }

    fn range(&self, index: usize) -> Range<usize> {
        let start = index * self.capacity;
        start..(start + self.capacity).min(self.length())
    }

    /// Tokens and separators; none stands behind the last document.
    fn length(&self) -> usize {
        let num_separators = match self.separator {
            Some(_) => self.corpus.num_documents().saturating_sub(1),
            None => 0,
        };
        self.corpus.num_tokens() + num_separators
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(capacity: usize, separator: Option<u32>, min_tokens: usize) -> Vec<Vec<u32>> {
        let documents = vec![vec![1, 2, 3], vec![4], vec![5, 6, 7, 8]];
        let corpus = Arc::new(Corpus::from_documents(documents));
        let pieces = Pieces::new(corpus, capacity, separator, min_tokens);
        (0..pieces.num_pieces())
            .map(|index| pieces.piece(index))
            .collect()
    }

    #[test]
    fn documents_run_on_without_a_separator() {
        assert_eq!(pieces(5, None, 2), [vec![1, 2, 3, 4, 5], vec![6, 7, 8]]);
    }

    #[test]
    fn a_tail_under_the_minimum_is_dropped() {
        assert_eq!(pieces(7, None, 2), [[1, 2, 3, 4, 5, 6, 7]]);
    }

    #[test]
    fn a_separator_stands_only_between_two_documents() {
        assert_eq!(
            pieces(4, Some(0), 1),
            [vec![1, 2, 3], vec![4, 0, 5, 6], vec![7, 8]]
        );
        assert_eq!(
            pieces(5, Some(0), 1),
            [vec![1, 2, 3, 0, 4], vec![5, 6, 7, 8]]
        );
        assert_eq!(
            pieces(3, Some(0), 1),
            [vec![1, 2, 3], vec![4], vec![5, 6, 7], vec![8]]
        );
    }
}
