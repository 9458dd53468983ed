//! The examples of two segments that a corpus has.

use std::sync::Arc;

use crate::DataError;
use crate::corpus::Corpus;
use crate::digest::Digest;
use crate::loader::order::for_building;
use crate::objective::segment_pairs::{SegmentPair, SegmentPairs, Segments};
use crate::tokenizer::Tokenizer;

/// Where every example stands; 24 bytes each, so about a fifth of a byte for each token of the corpus.
pub(super) struct PairIndex {
    corpus: Arc<Corpus>,
    pairs: SegmentPairs,
    /// Each with the first token of its document.
    examples: Vec<(usize, SegmentPair)>,
}

impl PairIndex {
    /// Reads the corpus once. An example depends on the seed and on its document's number and text alone.
    pub(super) fn new(
        corpus: Arc<Corpus>,
        tokenizer: &Tokenizer,
        length: usize,
        seed: u64,
    ) -> Result<Self, DataError> {
        let pairs = SegmentPairs::new(tokenizer, length)?;
        let mut examples = Vec::new();
        let mut start = 0;
        for (number, document) in corpus.documents().enumerate() {
            let rng = &mut for_building(seed, number);
            let built = pairs.examples(&document, rng)?;
            examples.extend(built.into_iter().map(|pair| (start, pair)));
            start += document.len();
        }
        Ok(Self {
            corpus,
            pairs,
            examples,
        })
    }

    pub(super) fn num_examples(&self) -> usize {
        self.examples.len()
    }

    pub(super) fn digest(&self) -> Digest {
        self.corpus.digest()
    }

    pub(super) fn example(&self, index: usize) -> Segments {
        let (start, pair) = &self.examples[index];
        let range = start + pair.start as usize..start + pair.end as usize;
        self.pairs.lay_out(pair, &self.corpus.tokens(range))
    }

    pub(super) fn place(&self, index: usize) -> String {
        let (start, pair) = &self.examples[index];
        self.corpus.place(start + pair.start as usize)
    }
}
