//! Batches for ELECTRA's pre-training.

use std::sync::Arc;

use super::pieces::Pieces;
use super::{Draw, ExampleSet, Loader, Row};
use crate::DataError;
use crate::batch::MaskedBatch;
use crate::corpus::Corpus;
use crate::digest::Digest;
use crate::objective::replaced_token_detection::{MaskedExample, Masking, MaskingTokens};
use crate::tokenizer::Tokenizer;

/// `[CLS]` and `[SEP]` around a piece.
const FRAME_TOKENS: usize = 2;

/// How masked batches are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskedTokenSettings {
    /// What is masked.
    pub masking: Masking,
    /// Tokens of a row, `[CLS]` and `[SEP]` included.
    pub sequence_length: usize,
    /// Rows of a batch.
    pub batch_size: usize,
}

/// Endless masked batches. A row is `[CLS]`, tokens, `[SEP]`: one segment, filled with consecutive documents that a
/// `[SEP]` keeps apart.
pub type MaskedTokenLoader = Loader<MaskedTokenExamples>;

/// The sequences of a corpus, masked when they are drawn.
pub struct MaskedTokenExamples {
    pieces: Pieces,
    masking: Masking,
    tokens: MaskingTokens,
    sequence_length: usize,
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
        let capacity = settings.sequence_length - FRAME_TOKENS;
        let examples = MaskedTokenExamples {
            pieces: Pieces::new(corpus, capacity, Some(tokens.sep), 1),
            masking: settings.masking,
            tokens,
            sequence_length: settings.sequence_length,
        };
        Self::over(examples, settings.batch_size, seed)
    }
}

impl ExampleSet for MaskedTokenExamples {
    type Batch = MaskedBatch;

    fn num_examples(&self) -> usize {
        self.pieces.num_pieces()
    }

    fn digest(&self) -> Digest {
        self.pieces.digest()
    }

    fn batch(&self, rows: &[Row]) -> Result<MaskedBatch, DataError> {
        let examples: Vec<MaskedExample> = rows
            .iter()
            .flatten()
            .map(|draw| {
                let mut ids = self.pieces.piece(draw.index());
                ids.insert(0, self.tokens.cls);
                ids.push(self.tokens.sep);
                self.masking
                    .apply(ids, &self.tokens, self.sequence_length, &mut draw.rng())
            })
            .collect();
        Ok(MaskedBatch::from_examples(
            &examples,
            self.sequence_length,
            self.masking.max_masked(self.sequence_length),
            self.tokens.pad,
        ))
    }

    fn place(&self, draw: &Draw) -> String {
        self.pieces.place(draw.index())
    }
}
