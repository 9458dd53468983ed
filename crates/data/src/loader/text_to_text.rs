//! Batches of pairs of texts, for training T5 on tasks.

use std::sync::Arc;

use super::{Draw, ExampleSet, Loader};
use crate::DataError;
use crate::batch::Seq2SeqBatch;
use crate::digest::Digest;

/// Rows are padded to a multiple of this, so that few different shapes occur.
const WIDTH_STEP: usize = 8;

/// How text-to-text batches are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextToTextSettings {
    /// The most tokens of an input, EOS included; longer ones are cut, their EOS kept.
    pub max_input_length: usize,
    /// The most tokens of a target, EOS included; longer ones are cut, their EOS kept.
    pub max_target_length: usize,
    /// Rows of a batch.
    pub batch_size: usize,
}

/// Endless batches of pairs, each padded to its longest row.
pub type TextToTextLoader = Loader<TextToTextExamples>;

/// Pairs of inputs and targets.
pub struct TextToTextExamples {
    pairs: Arc<Vec<(Vec<u32>, Vec<u32>)>>,
    settings: TextToTextSettings,
}

impl TextToTextLoader {
    /// A loader over pairs of ids, input and target, each ending in EOS as [`crate::tokenizer::Tokenizer::encode`]
    /// gives them.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for a length or batch size of 0, [`DataError::EmptyExample`] for a pair with an
    /// empty side, [`DataError::EmptyCorpus`] without pairs.
    pub fn new(
        pairs: Arc<Vec<(Vec<u32>, Vec<u32>)>>,
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
        if let Some(index) = pairs
            .iter()
            .position(|(input, target)| input.is_empty() || target.is_empty())
        {
            return Err(DataError::EmptyExample { index });
        }
        let batch_size = settings.batch_size;
        Self::over(TextToTextExamples { pairs, settings }, batch_size, seed)
    }
}

impl ExampleSet for TextToTextExamples {
    type Batch = Seq2SeqBatch;

    fn num_examples(&self) -> usize {
        self.pairs.len()
    }

    fn digest(&self) -> Digest {
        Digest::of((self.pairs.iter()).flat_map(|(input, target)| [input, target]))
    }

    fn batch(&self, draws: &[Draw]) -> Result<Seq2SeqBatch, DataError> {
        let TextToTextSettings {
            max_input_length,
            max_target_length,
            ..
        } = self.settings;
        let pairs: Vec<_> = draws
            .iter()
            .map(|draw| &self.pairs[draw.index()])
            .map(|(input, target)| {
                (
                    truncated(input, max_input_length),
                    truncated(target, max_target_length),
                )
            })
            .collect();
        let source = width(pairs.iter().map(|(input, _)| input.len()), max_input_length);
        let target = width(
            pairs.iter().map(|(_, target)| target.len()),
            max_target_length,
        );
        Ok(Seq2SeqBatch::from_pairs(&pairs, source, target))
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

fn width(lengths: impl Iterator<Item = usize>, max_length: usize) -> usize {
    let longest = lengths.max().unwrap_or(0);
    longest.next_multiple_of(WIDTH_STEP).min(max_length)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn loader(pairs: Vec<(Vec<u32>, Vec<u32>)>) -> Result<TextToTextLoader, DataError> {
        let settings = TextToTextSettings {
            max_input_length: 12,
            max_target_length: 4,
            batch_size: 2,
        };
        TextToTextLoader::new(Arc::new(pairs), settings, 0)
    }

    #[test]
    fn truncation_keeps_the_end_of_sequence() {
        assert_eq!(truncated(&[5, 6, 7, 8, 1], 3), [5, 6, 1]);
        assert_eq!(truncated(&[5, 1], 3), [5, 1]);
    }

    #[test]
    fn a_batch_is_as_wide_as_its_longest_row_in_steps_of_eight() {
        let pairs = vec![(vec![5, 6, 1], vec![7, 1]), (vec![8; 6], vec![9; 6])];
        let batch = loader(pairs).unwrap().next().unwrap().unwrap();
        assert_eq!(batch.encoder_input_ids.columns, 8);
        assert_eq!(batch.decoder_target_ids.columns, 4);

        let pairs = vec![(vec![5; 9], vec![7, 1]), (vec![8; 40], vec![1])];
        let batch = loader(pairs).unwrap().next().unwrap().unwrap();
        assert_eq!(batch.encoder_input_ids.columns, 12);
    }

    #[test]
    fn a_pair_with_an_empty_side_is_an_error_that_names_it() {
        let error = loader(vec![(vec![1], vec![1]), (vec![1], vec![])])
            .err()
            .unwrap();
        assert!(matches!(error, DataError::EmptyExample { index: 1 }));
        assert!(matches!(
            loader(Vec::new()).err().unwrap(),
            DataError::EmptyCorpus
        ));
    }
}
