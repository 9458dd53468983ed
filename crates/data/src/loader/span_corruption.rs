//! Batches for T5's pre-training.

use std::sync::Arc;

use super::pieces::Pieces;
use super::{Draw, ExampleSet, Loader, Row};
use crate::DataError;
use crate::batch::Seq2SeqBatch;
use crate::corpus::Corpus;
use crate::digest::Digest;
use crate::objective::denoising::Lengths;
use crate::objective::span_corruption::SpanCorruption;
use crate::tokenizer::Tokenizer;

/// How span-corrupted batches are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpanCorruptionSettings {
    /// What is cut out.
    pub objective: SpanCorruption,
    /// Tokens of an encoder row, EOS included; the raw and the target length follow from it.
    pub inputs_length: usize,
    /// Rows of a batch.
    pub batch_size: usize,
}

/// Endless span-corrupted batches. The documents of the corpus run on without a separator, cut into pieces that fill a
/// row once corrupted.
pub type SpanCorruptionLoader = Loader<SpanCorruptionExamples>;

/// The pieces of a corpus, corrupted when they are drawn.
pub struct SpanCorruptionExamples {
    pieces: Pieces,
    objective: SpanCorruption,
    lengths: Lengths,
    sentinels: Vec<u32>,
    eos: u32,
}

impl SpanCorruptionLoader {
    /// A loader over the documents of `corpus`.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for settings out of range, [`DataError::MissingSpecialToken`] and
    /// [`DataError::NotEnoughSentinels`] when the tokenizer lacks what the objective needs, [`DataError::EmptyCorpus`]
    /// for a corpus of less than 2 tokens.
    pub fn new(
        corpus: Arc<Corpus>,
        tokenizer: &Tokenizer,
        settings: SpanCorruptionSettings,
        seed: u64,
    ) -> Result<Self, DataError> {
        let lengths = settings.objective.row_lengths(settings.inputs_length)?;
        let eos = tokenizer
            .special()
            .eos
            .ok_or(DataError::MissingSpecialToken { token: "</s>" })?;
        let spans = settings.objective.num_spans(lengths.raw);
        let sentinels: Vec<u32> = (0..spans)
            .map_while(|index| tokenizer.sentinel(index))
            .collect();
        if sentinels.len() < spans {
            return Err(DataError::NotEnoughSentinels {
                spans,
                sentinels: sentinels.len(),
            });
        }
        let examples = SpanCorruptionExamples {
            pieces: Pieces::new(corpus, lengths.raw, None, 2),
            objective: settings.objective,
            lengths,
            sentinels,
            eos,
        };
        Self::over(examples, settings.batch_size, seed)
    }

    /// The lengths of a full row, before and after corruption.
    pub fn lengths(&self) -> Lengths {
        self.examples.lengths
    }
}

impl ExampleSet for SpanCorruptionExamples {
    type Batch = Seq2SeqBatch;

    fn num_examples(&self) -> usize {
        self.pieces.num_pieces()
    }

    fn digest(&self) -> Digest {
        self.pieces.digest()
    }

    fn batch(&self, rows: &[Row]) -> Result<Seq2SeqBatch, DataError> {
        let sentinel = |index: usize| self.sentinels.get(index).copied();
        let pairs = rows
            .iter()
            .flatten()
            .map(|draw| {
                let tokens = self.pieces.piece(draw.index());
                let rng = &mut draw.rng();
                self.objective.apply(&tokens, sentinel, self.eos, rng)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let Lengths {
            inputs, targets, ..
        } = self.lengths;
        Ok(Seq2SeqBatch::from_pairs(&pairs, inputs, targets))
    }

    fn place(&self, draw: &Draw) -> String {
        self.pieces.place(draw.index())
    }
}
