//! Batches for ELECTRA's pre-training.

mod segments;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pieces::Pieces;
use super::{Draw, ExampleSet, Loader, Row};
use crate::DataError;
use crate::batch::MaskedBatch;
use crate::corpus::Corpus;
use crate::digest::Digest;
use crate::objective::replaced_token_detection::{MaskedExample, Masking, MaskingTokens};
use crate::objective::segment_pairs::Segments;
use crate::tokenizer::Tokenizer;
use segments::PairIndex;

/// `[CLS]` and `[SEP]` around a piece.
const FRAME_TOKENS: usize = 2;

/// How rows are made of documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Building {
    /// A row is `[CLS]`, tokens, `[SEP]`: one segment, filled with consecutive documents that a `[SEP]` keeps apart.
    #[default]
    Packed,
    /// As ELECTRA's published code does it: whole sentences of one document, mostly in two segments, sometimes short.
    SegmentPairs,
}

/// How masked batches are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskedTokenSettings {
    /// What is masked.
    pub masking: Masking,
    /// How rows are made of documents.
    pub building: Building,
    /// Tokens of a row, `[CLS]` and `[SEP]` included.
    pub sequence_length: usize,
    /// Rows of a batch.
    pub batch_size: usize,
}

/// Endless masked batches.
pub type MaskedTokenLoader = Loader<MaskedTokenExamples>;

/// The sequences of a corpus, masked when they are drawn.
pub struct MaskedTokenExamples {
    sequences: Sequences,
    masking: Masking,
    tokens: MaskingTokens,
    sequence_length: usize,
}

enum Sequences {
    Packed(Pieces),
    SegmentPairs(PairIndex),
}

impl MaskedTokenLoader {
    /// A loader over the documents of `corpus`.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for settings out of range, [`DataError::MissingSpecialToken`] when the tokenizer
    /// has no `[CLS]`, `[SEP]` or `[MASK]`, [`DataError::EmptyCorpus`] for an empty corpus.
    pub fn new(
        corpus: Arc<Corpus>,
        tokenizer: &Tokenizer,
        settings: MaskedTokenSettings,
        seed: u64,
    ) -> Result<Self, DataError> {
        settings.masking.validate()?;
        if settings.sequence_length <= FRAME_TOKENS {
            return Err(DataError::InvalidSetting {
                key: "sequence_length",
                value: settings.sequence_length.to_string(),
                expected: "at least 3: [CLS], a token and [SEP]",
            });
        }
        let tokens = MaskingTokens::try_from(tokenizer.special())?;
        let length = settings.sequence_length;
        let sequences = match settings.building {
            Building::Packed => {
                // With room for one token a separator would separate nothing.
                let capacity = (length - FRAME_TOKENS).max(2);
                Sequences::Packed(Pieces::new(corpus, capacity, Some(tokens.sep), 1))
            }
            Building::SegmentPairs => {
                Sequences::SegmentPairs(PairIndex::new(corpus, tokenizer, length, seed)?)
            }
        };
        let examples = MaskedTokenExamples {
            sequences,
            masking: settings.masking,
            tokens,
            sequence_length: length,
        };
        Self::over(examples, settings.batch_size, seed)
    }
}

impl MaskedTokenExamples {
    fn example(&self, draw: &Draw) -> MaskedExample {
        let sequence = match &self.sequences {
            Sequences::Packed(pieces) => {
                let mut ids = pieces.piece(draw.index());
                ids.insert(0, self.tokens.cls);
                ids.push(self.tokens.sep);
                Segments::single(ids)
            }
            Sequences::SegmentPairs(index) => index.example(draw.index()),
        };
        (self.masking).apply(
            sequence,
            &self.tokens,
            self.sequence_length,
            &mut draw.rng(),
        )
    }
}

impl ExampleSet for MaskedTokenExamples {
    type Batch = MaskedBatch;

    fn num_examples(&self) -> usize {
        match &self.sequences {
            Sequences::Packed(pieces) => pieces.num_pieces(),
            Sequences::SegmentPairs(index) => index.num_examples(),
        }
    }

    fn digest(&self) -> Digest {
        match &self.sequences {
            Sequences::Packed(pieces) => pieces.digest(),
            Sequences::SegmentPairs(index) => index.digest(),
        }
    }

    fn batch(&self, rows: &[Row]) -> Result<MaskedBatch, DataError> {
        let examples: Vec<MaskedExample> = rows
            .iter()
            .flatten()
            .map(|draw| self.example(draw))
            .collect();
        Ok(MaskedBatch::from_examples(
            &examples,
            self.sequence_length,
            self.masking.max_masked(self.sequence_length),
            self.tokens.pad,
        ))
    }

    fn place(&self, draw: &Draw) -> String {
        match &self.sequences {
            Sequences::Packed(pieces) => pieces.place(draw.index()),
            Sequences::SegmentPairs(index) => index.place(draw.index()),
        }
    }
}
