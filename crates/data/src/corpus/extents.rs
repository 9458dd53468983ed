//! Which documents of the shards belong to a corpus.

use std::ops::Range;

/// Consecutive documents. The first and the last may be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) tokens: Range<u64>,
    pub(super) documents: Range<u64>,
}

impl Extent {
    fn num_tokens(&self) -> u64 {
        self.tokens.end - self.tokens.start
    }

    fn num_documents(&self) -> u64 {
        self.documents.end - self.documents.start
    }
}

/// Extents one behind the other, and where each starts.
#[derive(Clone, Debug)]
pub(super) struct Extents {
    extents: Vec<Extent>,
    /// Tokens before each extent, and before the end.
    tokens_before: Vec<u64>,
    /// Documents before each extent, and before the end.
    documents_before: Vec<u64>,
}

impl Extents {
    pub(super) fn new(extents: Vec<Extent>) -> Self {
        Self {
            tokens_before: running_total(extents.iter().map(Extent::num_tokens)),
            documents_before: running_total(extents.iter().map(Extent::num_documents)),
            extents,
        }
    }

    pub(super) fn num_tokens(&self) -> u64 {
        self.tokens_before[self.extents.len()]
    }

    pub(super) fn num_documents(&self) -> u64 {
        self.documents_before[self.extents.len()]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Extent> {
        self.extents.iter()
    }

    /// Where the shards have a range of the corpus's tokens.
    pub(super) fn tokens(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        self.parts(&self.tokens_before, range, |extent| &extent.tokens)
            .map(|(_, tokens)| tokens)
    }

    /// Which documents of the shards a range of the corpus's documents are, each with its extent.
    pub(super) fn documents(
        &self,
        range: Range<u64>,
    ) -> impl Iterator<Item = (&Extent, Range<u64>)> {
        self.parts(&self.documents_before, range, |extent| &extent.documents)
    }

    /// The parts of a range that lie in each extent; `of` gives what an extent has of what is counted in `before`.
    fn parts<'a>(
        &'a self,
        before: &'a [u64],
        range: Range<u64>,
        of: impl Fn(&Extent) -> &Range<u64>,
    ) -> impl Iterator<Item = (&'a Extent, Range<u64>)> {
        assert!(range.end <= before[self.extents.len()]);
        let first = before.partition_point(|&before| before <= range.start) - 1;
        let extents = self.extents.iter().zip(before).skip(first);
        let touched = extents.take_while({
            let end = range.end;
            move |(_, before)| **before < end
        });
        touched
            .map(move |(extent, before)| {
                let whole = of(extent);
                let start = whole.start + range.start.saturating_sub(*before);
                (
                    extent,
                    start..whole.end.min(whole.start + range.end - before),
                )
            })
            .filter(|(_, part)| !part.is_empty())
    }

    /// The extent of a place in the sequence with a separator behind each document, and the place in it.
    pub(super) fn at_separated(&self, place: u64) -> (&Extent, u64) {
        let before = |index: usize| self.tokens_before[index] + self.documents_before[index];
        let (mut low, mut high) = (0, self.extents.len());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match before(middle) <= place {
                true => low = middle,
                false => high = middle,
            }
        }
        (&self.extents[low], place - before(low))
    }
}

/// The sum of all numbers before each, and of all.
pub(super) fn running_total(numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let sums = numbers.scan(0, |sum, number| {
        *sum += number;
        Some(*sum)
    });
    std::iter::once(0).chain(sums).collect()
}
