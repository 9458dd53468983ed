//! Batches of pairs of texts, for training T5 on tasks.

mod arrangement;

use std::sync::Arc;

pub use arrangement::Arrangement;

use super::{Draw, ExampleSet, Loader, Part, Row, encoding::encoded};
use crate::DataError;
use crate::batch::Seq2SeqBatch;
use crate::digest::Digest;
use crate::source::TextPair;
use crate::tokenizer::Tokenizer;

/// Rows are padded to a multiple of this, so that few different shapes occur.
pub(super) const WIDTH_STEP: usize = 8;
/// The same for packed rows, which are long and nearly alike.
const PACKED_WIDTH_STEP: usize = 64;

/// How text-to-text batches are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextToTextSettings {
    /// The most tokens of an input, EOS included; longer ones are cut, their EOS kept.
    pub max_input_length: usize,
    /// The most tokens of a target, EOS included; longer ones are cut, their EOS kept.
    pub max_target_length: usize,
    /// Rows of a batch.
    pub batch_size: usize,
    /// Which pairs share a batch or a row.
    pub arrangement: Arrangement,
}

/// The ids of an input and its target.
pub type IdPair = (Vec<u32>, Vec<u32>);

/// Pairs of ids that are drawn at one rate.
#[derive(Clone, Debug)]
pub struct PairSet {
    /// Each side ends in EOS as [`crate::tokenizer::Tokenizer::encode`] gives it.
    pub pairs: Vec<IdPair>,
    /// How often one is drawn, relative to the other sets.
    pub rate: f64,
}

/// Both sides of pairs as ids with EOS, on all cores; `progress` hears of each chunk how many pairs and tokens it had.
///
/// # Errors
/// [`DataError::Tokenization`] when the tokenizer refuses a text.
pub fn encode_pairs(
    pairs: &[TextPair],
    tokenizer: &Tokenizer,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<IdPair>, DataError> {
    encoded(pairs, progress, |pair: &TextPair| {
        let input = tokenizer.encode(&pair.input)?;
        let target = tokenizer.encode(&pair.target)?;
        let num_tokens = input.len() + target.len();
        Ok(((input, target), num_tokens))
    })
}

/// Endless batches of pairs, each padded to its longest row.
pub type TextToTextLoader = Loader<TextToTextExamples>;

/// Pairs of inputs and targets.
pub struct TextToTextExamples {
    sets: Arc<Vec<PairSet>>,
    settings: TextToTextSettings,
}

impl TextToTextLoader {
    /// A loader over sets of pairs.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for a length or batch size of 0, or a rate that is not positive;
    /// [`DataError::EmptyExample`] for a pair with an empty side, [`DataError::EmptyCorpus`] without pairs or for a set
    /// without any.
    pub fn new(
        sets: Arc<Vec<PairSet>>,
        settings: TextToTextSettings,
        seed: u64,
    ) -> Result<Self, DataError> {
        for (key, length) in [
            ("max_input_length", settings.max_input_length),
            ("max_target_length", settings.max_target_length),
        ] {
            if length == 0 {
                return Err(DataError::InvalidSetting {
                    key,
                    value: length.to_string(),
                    expected: "at least 1",
                });
            }
        }
        for set in sets.iter() {
            set.check()?;
        }
        let batch_size = settings.batch_size;
        Self::over(TextToTextExamples { sets, settings }, batch_size, seed)
    }
}

impl PairSet {
    fn check(&self) -> Result<(), DataError> {
        if self.pairs.is_empty() {
            return Err(DataError::EmptyCorpus);
        }
        if !(self.rate > 0.0 && self.rate.is_finite()) {
            return Err(DataError::InvalidSetting {
                key: "rate",
                value: self.rate.to_string(),
                expected: "a positive number",
            });
        }
        let has_empty_side = |(input, target): &IdPair| input.is_empty() || target.is_empty();
        match self.pairs.iter().position(has_empty_side) {
            Some(index) => Err(DataError::EmptyExample { index }),
            None => Ok(()),
        }
    }
}

impl TextToTextExamples {
    fn pair(&self, draw: &Draw) -> IdPair {
        let (input, target) = &self.sets[draw.part()].pairs[draw.index()];
        (
            truncated(input, self.settings.max_input_length),
            truncated(target, self.settings.max_target_length),
        )
    }

    /// Tokens of both sides, as they will be in a row.
    fn lengths(&self, draw: &Draw) -> (usize, usize) {
        let (input, target) = &self.sets[draw.part()].pairs[draw.index()];
        (
            input.len().min(self.settings.max_input_length),
            target.len().min(self.settings.max_target_length),
        )
    }
}

impl ExampleSet for TextToTextExamples {
    type Batch = Seq2SeqBatch;

    fn num_examples(&self) -> usize {
        self.sets.iter().map(|set| set.pairs.len()).sum()
    }

    fn parts(&self) -> Vec<Part> {
        let part = |set: &PairSet| Part {
            num_examples: set.pairs.len(),
            rate: set.rate,
        };
        self.sets.iter().map(part).collect()
    }

    fn digest(&self) -> Digest {
        let pairs = self.sets.iter().flat_map(|set| &set.pairs);
        Digest::of(pairs.flat_map(|(input, target)| [input, target]))
    }

    fn num_arranged(&self, batch_size: usize) -> usize {
        self.settings.arrangement.num_arranged(batch_size)
    }

    fn arranged(&self, draws: Vec<Draw>, batch_size: usize) -> Vec<Vec<Row>> {
        let room = (
            self.settings.max_input_length,
            self.settings.max_target_length,
        );
        let sized = draws.into_iter().map(|draw| (self.lengths(&draw), draw));
        (self.settings.arrangement).batches(sized.collect(), room, batch_size)
    }

    fn batch(&self, rows: &[Row]) -> Result<Seq2SeqBatch, DataError> {
        let is_packed = self.settings.arrangement == Arrangement::Packed;
        let pairs = |row: &Row| row.iter().map(|draw| self.pair(draw)).collect();
        let rows: Vec<Vec<IdPair>> = rows.iter().map(pairs).collect();
        let sources = rows
            .iter()
            .map(|row| row.iter().map(|pair| pair.0.len()).sum());
        let targets = rows
            .iter()
            .map(|row| row.iter().map(|pair| pair.1.len()).sum());
        let source = width(sources, self.settings.max_input_length, is_packed);
        let target = width(targets, self.settings.max_target_length, is_packed);
        Ok(match is_packed {
            true => Seq2SeqBatch::packed(&rows, source, target),
            false => Seq2SeqBatch::from_pairs(&rows.concat(), source, target),
        })
    }

    fn place(&self, draw: &Draw) -> String {
        format!("pair {} of set {}", draw.index(), draw.part())
    }
}

/// At most `max_length` (at least 1) ids, the last of them the last of `ids`.
pub fn truncated(ids: &[u32], max_length: usize) -> Vec<u32> {
    let mut kept = ids[..ids.len().min(max_length)].to_vec();
    if let (Some(last), Some(&eos)) = (kept.last_mut(), ids.last()) {
        *last = eos;
    }
    kept
}

/// Columns that hold every row.
fn width(lengths: impl Iterator<Item = usize>, max_length: usize, is_packed: bool) -> usize {
    let longest = lengths.max().unwrap_or(0);
    let step = match is_packed {
        true => PACKED_WIDTH_STEP,
        false => WIDTH_STEP,
    };
    longest.next_multiple_of(step).min(max_length)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
