//! Cuts a corpus into pieces of one length.

use std::sync::Arc;

use crate::corpus::Corpus;
use crate::digest::Digest;

/// A place between two tokens of a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    document: usize,
    offset: usize,
}

/// The documents of a corpus one after the other, cut into pieces of `capacity` tokens. The last piece may be shorter.
pub(super) struct Packing {
    corpus: Arc<Corpus>,
    capacity: usize,
    separator: Option<u32>,
    starts: Vec<Place>,
}

impl Packing {
    /// `separator` stands between two documents of one piece, and counts as a token of it; a piece neither starts nor
    /// ends with one. The last piece is dropped when it has fewer than `min_tokens`. `capacity` is at least 1.
    pub(super) fn new(
        corpus: Arc<Corpus>,
        capacity: usize,
        separator: Option<u32>,
        min_tokens: usize,
    ) -> Self {
        let mut packing = Self {
            corpus,
            capacity,
            separator,
            starts: Vec::new(),
        };
        let mut place = Place {
            document: 0,
            offset: 0,
        };
        while place.document < packing.corpus.documents().len() {
            let mut tokens = 0;
            let next = packing.walk(place, |piece| tokens += piece.len());
            if tokens >= min_tokens {
                packing.starts.push(place);
            }
            place = next;
        }
        packing
    }

    pub(super) fn num_pieces(&self) -> usize {
        self.starts.len()
    }

    /// A digest of the documents.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(self.corpus.documents().iter().map(Vec::as_slice))
    }

    /// The tokens of one piece.
    pub(super) fn piece(&self, index: usize) -> Vec<u32> {
        let mut tokens = Vec::with_capacity(self.capacity);
        self.walk(self.starts[index], |piece| tokens.extend_from_slice(piece));
        tokens
    }

    /// Gives `visit` the tokens of the piece that starts at `start`; returns where the next one starts.
    fn walk(&self, start: Place, mut visit: impl FnMut(&[u32])) -> Place {
        let documents = self.corpus.documents();
        let mut place = start;
        let mut room = self.capacity;
        while room > 0
            && let Some(document) = documents.get(place.document)
        {
            if place != start
                && let Some(separator) = self.separator
            {
                // Without room for a token behind it, a separator separates nothing.
                if room < 2 {
                    break;
                }
                visit(&[separator]);
                room -= 1;
            }
            let rest = &document[place.offset..];
            let taken = rest.len().min(room);
            visit(&rest[..taken]);
            room -= taken;
            place = if taken == rest.len() {
                Place {
                    document: place.document + 1,
                    offset: 0,
                }
            } else {
                Place {
                    offset: place.offset + taken,
                    ..place
                }
            };
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(capacity: usize, separator: Option<u32>, min_tokens: usize) -> Vec<Vec<u32>> {
        let documents = vec![vec![1, 2, 3], vec![4], vec![5, 6, 7, 8]];
        let corpus = Arc::new(Corpus::from_documents(documents));
        let packing = Packing::new(corpus, capacity, separator, min_tokens);
        (0..packing.num_pieces())
            .map(|index| packing.piece(index))
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
    }
}
