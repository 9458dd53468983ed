//! Documents as token ids, in memory or in mapped files.

mod extents;
mod reading;
mod shards;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::DataError;
use crate::digest::Digest;
use crate::source::TextFile;
use crate::store::SHARD_TEXT_BYTES;
use crate::store::shard::{IdType, Shard};
use crate::tokenized::Files;
use crate::tokenizer::Tokenizer;

pub use crate::tokenized::Progress;

use extents::{Extent, Extents};
use reading::Reading;
use shards::Shards;

/// How long a file may keep the reader waiting.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// Documents held out at most.
const MAX_HELD_OUT: usize = 100_000;

/// Tokenised documents, without special tokens; none is empty.
#[derive(Clone, Debug)]
pub struct Corpus {
    shards: Arc<Shards>,
    extents: Extents,
    skipped: u64,
}

impl Corpus {
    /// Reads and tokenises files, on all cores. Documents that cannot be used (a line that is no UTF-8 or JSON, say) are
    /// skipped and counted, the first few logged with file and line; documents without tokens are left out.
    ///
    /// # Errors
    /// [`DataError::TooManyBadDocuments`] when over 10, and over `max_bad_fraction` of all, cannot be used,
    /// [`DataError::NoText`] when nothing is left, and whatever keeps a file from being read to its end.
    pub fn read(
        files: &[TextFile],
        tokenizer: &Tokenizer,
        max_bad_fraction: f64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, DataError> {
        let tokenized = Files {
            files,
            tokenizer,
            max_bad_fraction,
            patience: PATIENCE,
            shard_text_bytes: SHARD_TEXT_BYTES,
        };
        let mut reading = Reading::new(IdType::for_vocabulary(tokenizer.vocab_size()));
        tokenized.tokenize(|_| true, &mut reading, progress)?;
        let corpus = Self {
            skipped: reading.skipped,
            ..Self::from_shards(reading.shards)
        };
        if corpus.num_documents() == 0 {
            return Err(DataError::no_text(files));
        }
        corpus.check_vocabulary(tokenizer.vocab_size())?;
        Ok(corpus)
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
    pub fn from_documents(documents: Vec<Vec<u32>>) -> Self {
        Self::from_shards(vec![Shard::in_memory(&documents)])
    }

    /// All documents of the shards, in their order.
    pub fn from_shards(shards: Vec<Shard>) -> Self {
        let shards = Shards::new(shards);
        let whole = Extent {
            tokens: 0..shards.num_tokens(),
            documents: 0..shards.num_documents(),
        };
        Self {
            extents: Extents::new(vec![whole]),
            shards: Arc::new(shards),
            skipped: 0,
        }
    }

    /// Number of documents.
    pub fn num_documents(&self) -> usize {
        self.extents.num_documents() as usize
    }

    /// Tokens of all documents.
    pub fn num_tokens(&self) -> usize {
        self.extents.num_tokens() as usize
    }

    /// How many documents could not be used.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The documents, in order.
    pub fn documents(&self) -> impl Iterator<Item = Vec<u32>> {
        self.document_ranges().map(|range| {
            let mut ids = Vec::new();
            self.shards.extend(range, &mut ids);
            ids
        })
    }

    /// Where the shards have each document.
    fn document_ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.extents.iter().flat_map(|extent| {
            let documents = extent.documents.clone();
            documents.map(|document| self.shards.clipped(document, extent))
        })
    }

    /// The number of tokens of each document, in order.
    pub fn document_lengths(&self) -> impl Iterator<Item = usize> {
        self.document_ranges()
            .map(|range| (range.end - range.start) as usize)
    }

    /// The ids of a range of tokens, documents running on without a mark between them.
    ///
    /// # Panics
    /// The range goes past the last token.
    pub fn tokens(&self, range: Range<usize>) -> Vec<u32> {
        let mut ids = Vec::with_capacity(range.len());
        for part in self.extents.tokens(range.start as u64..range.end as u64) {
            self.shards.extend(part, &mut ids);
        }
        ids
    }

    /// As [`Self::tokens`], of the sequence that has `separator` behind each document: its length is that of all tokens
    /// and documents together.
    ///
    /// # Panics
    /// The range goes past the last separator.
    pub fn separated_tokens(&self, range: Range<usize>, separator: u32) -> Vec<u32> {
        let mut ids = Vec::with_capacity(range.len());
        let mut place = range.start as u64;
        while ids.len() < range.len() {
            let (extent, mut offset) = self.extents.at_separated(place);
            let first = self.shards.document_at_separated(extent, offset);
            offset -= self.shards.separated_start(extent, first);
            for document in first..extent.documents.end {
                let room = (range.len() - ids.len()) as u64;
                if room == 0 {
                    break;
                }
                let tokens = self.shards.clipped(document, extent);
                let start = (tokens.start + offset).min(tokens.end);
                let wanted = start..tokens.end.min(start + room);
                let is_last = wanted.end == tokens.end && wanted.end - wanted.start < room;
                self.shards.extend(wanted, &mut ids);
                if is_last {
                    ids.push(separator);
                }
                offset = 0;
            }
            place = range.start as u64 + ids.len() as u64;
        }
        ids
    }

    /// Where a token stands, for messages.
    ///
    /// # Panics
    /// There is no such token.
    pub fn place(&self, token: usize) -> String {
        let token = token as u64;
        let start = self.extents.tokens(token..token + 1).next();
        let (shard, offset) = self.shards.shard_at(start.map_or(0, |range| range.start));
        match self.shards.shards[shard].path() {
            Some(path) => format!("{}, token {offset}", path.display()),
            None => format!("token {offset} of the texts"),
        }
    }

    /// A digest of the ids, the ends of the documents, and which of them belong to the corpus.
    pub fn digest(&self) -> Digest {
        let shards = self.shards.shards.iter().flat_map(|shard| {
            let facts = shard.facts();
            [
                u64::from(facts.checksum),
                facts.num_tokens,
                facts.num_documents,
            ]
        });
        let extents = self
            .extents
            .iter()
            .flat_map(|extent| [extent.tokens.start, extent.tokens.end]);
        let words: Vec<u32> = shards
            .chain(extents)
            .flat_map(|number| [number as u32, (number >> 32) as u32])
            .collect();
        Digest::of(std::iter::once(words))
    }

    /// Checks that a model with `vocab_size` rows in its embedding has one for every id.
    ///
    /// # Errors
    /// [`DataError::IdPastVocabulary`], which names the highest id.
    pub fn check_vocabulary(&self, vocab_size: usize) -> Result<(), DataError> {
        let shards = self.shards.shards.iter().map(Shard::facts);
        let highest = shards
            .filter(|facts| facts.num_tokens > 0)
            .map(|facts| facts.highest_id)
            .max();
        match highest {
            Some(id) if id as usize >= vocab_size => {
                Err(DataError::IdPastVocabulary { id, vocab_size })
            }
            _ => Ok(()),
        }
    }

    /// Takes a random `fraction` of the documents out, at most 100,000: what is left for training, and what is held
    /// out. Each side gets at least one document where there are two; of a single document the end is held out.
    pub fn split_held_out(self, fraction: f64, seed: u64) -> (Self, Self) {
        let num_documents = self.num_documents();
        if num_documents == 1 {
            return self.split_only_document(fraction);
        }
        let num_held_out = num_held_out(num_documents, fraction).min(MAX_HELD_OUT);
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        // In the order drawn, so that the first held-out documents are a sample of all.
        let drawn = rand::seq::index::sample(rng, num_documents, num_held_out);
        let held_out = drawn
            .iter()
            .flat_map(|index| self.extents_of(index..index + 1))
            .collect();
        let mut sorted = drawn.into_vec();
        sorted.sort_unstable();
        let mut training = Vec::with_capacity(sorted.len() + 1);
        let mut next = 0;
        for index in sorted.into_iter().chain([num_documents]) {
            training.extend(self.extents_of(next..index));
            next = index + 1;
        }
        (self.with(training), self.with(held_out))
    }

    fn split_only_document(self, fraction: f64) -> (Self, Self) {
        let num_held_out = num_held_out(self.num_tokens(), fraction) as u64;
        let mut parts = [Vec::new(), Vec::new()];
        for whole in self.extents_of(0..1) {
            let middle = whole.tokens.end - num_held_out;
            let ranges = [whole.tokens.start..middle, middle..whole.tokens.end];
            for (part, tokens) in parts.iter_mut().zip(ranges) {
                let documents = whole.documents.clone();
                part.extend((!tokens.is_empty()).then_some(Extent { tokens, documents }));
            }
        }
        let [training, held_out] = parts;
        (self.with(training), self.with(held_out))
    }

    /// Consecutive documents of the corpus.
    fn extents_of(&self, documents: Range<usize>) -> impl Iterator<Item = Extent> {
        let parts = (self.extents).documents(documents.start as u64..documents.end as u64);
        parts.map(|(extent, documents)| {
            let first = self.shards.clipped(documents.start, extent);
            let last = self.shards.clipped(documents.end - 1, extent);
            Extent {
                tokens: first.start..last.end,
                documents,
            }
        })
    }

    fn with(&self, extents: Vec<Extent>) -> Self {
        Self {
            shards: Arc::clone(&self.shards),
            extents: Extents::new(extents),
            skipped: self.skipped,
        }
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
mod tests;
