//! The shards of a corpus as one sequence of tokens and documents.

use std::ops::Range;

use super::extents::{Extent, running_total};
use crate::store::shard::Shard;

/// Shards one behind the other.
#[derive(Debug)]
pub(super) struct Shards {
    pub(super) shards: Vec<Shard>,
    /// Tokens before each shard, and before the end.
    tokens_before: Vec<u64>,
    /// Documents before each shard, and before the end.
    documents_before: Vec<u64>,
}

impl Shards {
    pub(super) fn new(shards: Vec<Shard>) -> Self {
        let facts = || shards.iter().map(Shard::facts);
        Self {
            tokens_before: running_total(facts().map(|facts| facts.num_tokens)),
            documents_before: running_total(facts().map(|facts| facts.num_documents)),
            shards,
        }
    }

    pub(super) fn num_tokens(&self) -> u64 {
        self.tokens_before[self.shards.len()]
    }

    pub(super) fn num_documents(&self) -> u64 {
        self.documents_before[self.shards.len()]
    }

    /// The shard of a token, and the token's place in it.
    pub(super) fn shard_at(&self, token: u64) -> (usize, u64) {
        let shard = self.tokens_before.partition_point(|&first| first <= token) - 1;
        (shard, token - self.tokens_before[shard])
    }

    /// Appends the ids of a range of tokens to `ids`.
    pub(super) fn extend(&self, range: Range<u64>, ids: &mut Vec<u32>) {
        let mut next = range.start;
        while next < range.end {
            let (index, offset) = self.shard_at(next);
            let shard = &self.shards[index];
            let end = (offset + range.end - next).min(shard.facts().num_tokens);
            shard.extend(offset..end, ids);
            next += end - offset;
        }
    }

    /// Tokens up to the end of a document.
    pub(super) fn end(&self, document: u64) -> u64 {
        let shard = self
            .documents_before
            .partition_point(|&first| first <= document)
            - 1;
        let end = self.shards[shard].end(document - self.documents_before[shard]);
        self.tokens_before[shard] + end
    }

    /// The tokens of a document.
    pub(super) fn document(&self, document: u64) -> Range<u64> {
        let end = self.end(document);
        let start = document
            .checked_sub(1)
            .map_or(0, |before| self.end(before).min(end));
        start..end
    }

    /// The tokens of a document that an extent has.
    pub(super) fn clipped(&self, document: u64, extent: &Extent) -> Range<u64> {
        let tokens = self.document(document);
        let end = tokens.end.min(extent.tokens.end);
        tokens.start.max(extent.tokens.start).min(end)..end
    }

    /// Tokens and separators of an extent before a document.
    pub(super) fn separated_start(&self, extent: &Extent, document: u64) -> u64 {
        let tokens = self.clipped(document, extent).start - extent.tokens.start;
        tokens + (document - extent.documents.start)
    }

    /// The document of an extent that a token or separator belongs to.
    pub(super) fn document_at_separated(&self, extent: &Extent, offset: u64) -> u64 {
        let (mut low, mut high) = (extent.documents.start, extent.documents.end);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match self.separated_start(extent, middle) <= offset {
                true => low = middle,
                false => high = middle,
            }
        }
        low
    }
}
