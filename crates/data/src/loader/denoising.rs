//! Batches for T5's pre-training.

use std::sync::Arc;

use super::pieces::Pieces;
use super::{Draw, ExampleSet, Loader, Row};
use crate::DataError;
use crate::batch::Seq2SeqBatch;
use crate::corpus::Corpus;
use crate::digest::Digest;
use crate::objective::denoising::{Denoiser, DenoisingTokens, Lengths};
use crate::tokenizer::Tokenizer;

/// How batches of a denoising objective are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenoisingSettings {
    /// What is done to the text.
    pub denoiser: Denoiser,
    /// Tokens of an encoder row, EOS included; the raw and the target length follow from it.
    pub inputs_length: usize,
    /// Rows of a batch.
    pub batch_size: usize,
}

/// Endless batches of a denoising objective. The documents of the corpus run on without a separator, cut into pieces that
/// fill a row once they are denoised.
pub type DenoisingLoader = Loader<DenoisingExamples>;

/// The pieces of a corpus, denoised when they are drawn.
pub struct DenoisingExamples {
    pieces: Pieces,
    denoiser: Denoiser,
    lengths: Lengths,
    tokens: DenoisingTokens,
}

impl DenoisingLoader {
    /// A loader over the documents of `corpus`.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for settings out of range, [`DataError::MissingSpecialToken`] and
    /// [`DataError::NotEnoughSentinels`] when the tokenizer lacks what the objective needs, [`DataError::EmptyCorpus`]
    /// for a corpus of less than 2 tokens.
    pub fn new(
        corpus: Arc<Corpus>,
        tokenizer: &Tokenizer,
        settings: DenoisingSettings,
        seed: u64,
    ) -> Result<Self, DataError> {
        let tokens = DenoisingTokens::try_from(tokenizer)?;
        let denoiser = settings.denoiser;
        let lengths = denoiser.row_lengths(settings.inputs_length, &tokens)?;
        let spans = denoiser.num_sentinels(lengths.raw);
        let sentinels = tokens.sentinels.len();
        if sentinels < spans {
            return Err(DataError::NotEnoughSentinels { spans, sentinels });
        }
        let examples = DenoisingExamples {
            pieces: Pieces::new(corpus, lengths.raw, None, 2),
            denoiser,
            lengths,
            tokens,
        };
        Self::over(examples, settings.batch_size, seed)
    }

    /// The lengths of a full row, before and after.
    pub fn lengths(&self) -> Lengths {
        self.examples.lengths
    }
}

impl ExampleSet for DenoisingExamples {
    type Batch = Seq2SeqBatch;

    fn num_examples(&self) -> usize {
        self.pieces.num_pieces()
    }

    fn digest(&self) -> Digest {
        self.pieces.digest()
    }

    fn batch(&self, rows: &[Row]) -> Result<Seq2SeqBatch, DataError> {
        let denoised = rows.iter().flatten().map(|draw| {
            let text = self.pieces.piece(draw.index());
            let example = self.denoiser.apply(&text, &self.tokens, &mut draw.rng())?;
            Ok((example.inputs, example.targets))
        });
        let pairs = denoised.collect::<Result<Vec<_>, DataError>>()?;
        let Lengths {
            inputs, targets, ..
        } = self.lengths;
        Ok(Seq2SeqBatch::from_pairs(&pairs, inputs, targets))
    }

    fn place(&self, draw: &Draw) -> String {
        self.pieces.place(draw.index())
    }
}
