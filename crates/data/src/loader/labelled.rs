//! Batches of examples with what a head should say of them, for fine-tuning an encoder.

mod encode;
mod names;
mod questions;
mod target;

use std::sync::Arc;

pub use encode::LabelledEncoder;
pub use names::LabelNames;
pub use questions::{QuestionEncoder, QuestionWindow};
pub use target::{AnswerTarget, Target};

use super::{Draw, ExampleSet, Loader, Row, text_to_text::WIDTH_STEP};
use crate::DataError;
use crate::batch::EncoderBatch;
use crate::digest::Digest;
use crate::tokenizer::EncodedRow;

/// How labelled batches are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelledSettings {
    /// Examples of a batch.
    pub batch_size: usize,
    /// The id that rows are padded with.
    pub pad_id: u32,
}

/// An example with what a head should say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled<T> {
    /// What the encoder reads: one row, or one for each choice.
    pub rows: Vec<EncodedRow>,
    /// What the head should say.
    pub target: T,
}

/// The examples of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledBatch<T> {
    /// The rows of all examples, those of one behind each other: `[batch * rows, source]`.
    pub input: EncoderBatch,
    /// What the head should say, `[batch]`.
    pub targets: Vec<T>,
}

/// Endless batches of labelled examples, each padded to its longest row.
pub type LabelledLoader<T> = Loader<LabelledExamples<T>>;

/// Labelled examples, which all have as many rows.
pub struct LabelledExamples<T> {
    examples: Arc<Vec<Labelled<T>>>,
    pad_id: u32,
    /// Ids of the longest row of all.
    longest: usize,
}

impl<T: Target> LabelledLoader<T> {
    /// A loader over labelled examples.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for a batch size of 0, [`DataError::EmptyCorpus`] without examples,
    /// [`DataError::EmptyExample`] for one without rows or with an empty row, [`DataError::InvalidExample`] for one with
    /// more or fewer rows than the first, with a row that has not a type for each id, or whose target is none of its rows.
    pub fn new(
        examples: Arc<Vec<Labelled<T>>>,
        settings: LabelledSettings,
        seed: u64,
    ) -> Result<Self, DataError> {
        let num_rows = examples.first().map_or(0, |example| example.rows.len());
        for (index, example) in examples.iter().enumerate() {
            example.check(index, num_rows)?;
        }
        let rows = examples.iter().flat_map(|example| &example.rows);
        let longest = rows.map(|row| row.ids.len()).max().unwrap_or(0);
        let examples = LabelledExamples {
            examples,
            pad_id: settings.pad_id,
            longest,
        };
        Self::over(examples, settings.batch_size, seed)
    }
}

impl<T: Target> Labelled<T> {
    fn check(&self, index: usize, num_rows: usize) -> Result<(), DataError> {
        if self.rows.is_empty() || self.rows.iter().any(|row| row.ids.is_empty()) {
            return Err(DataError::EmptyExample { index });
        }
        let invalid = |reason: String| Err(DataError::InvalidExample { index, reason });
        if self.rows.len() != num_rows {
            let found = self.rows.len();
            return invalid(format!("{found} rows, the first example has {num_rows}"));
        }
        let has_types = |row: &EncodedRow| row.ids.len() == row.token_type_ids.len();
        if !self.rows.iter().all(has_types) {
            return invalid("a row has not a token type for each id".to_owned());
        }
        if !self.target.is_of(&self.rows) {
            return invalid("the target is not of the example's rows".to_owned());
        }
        Ok(())
    }
}

impl<T: Target> ExampleSet for LabelledExamples<T> {
    type Batch = LabelledBatch<T>;

    fn num_examples(&self) -> usize {
        self.examples.len()
    }

    fn digest(&self) -> Digest {
        let sequences = self.examples.iter().flat_map(|example| {
            let rows = example.rows.iter();
            let rows = rows.flat_map(|row| [row.ids.clone(), row.token_type_ids.clone()]);
            rows.chain([example.target.digested()])
        });
        let num_rows = self.examples.first().map(|example| example.rows.len());
        Digest::of(
            num_rows
                .map(|num| vec![num as u32])
                .into_iter()
                .chain(sequences),
        )
    }

    fn batch(&self, rows: &[Row]) -> Result<LabelledBatch<T>, DataError> {
        let draws = rows.iter().flatten();
        let examples: Vec<_> = draws.map(|draw| &self.examples[draw.index()]).collect();
        let rows: Vec<&EncodedRow> = examples.iter().flat_map(|example| &example.rows).collect();
        let longest = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
        // A model may have no positions past the length that the rows were cut to.
        let source = longest.next_multiple_of(WIDTH_STEP).min(self.longest);
        Ok(LabelledBatch {
            input: EncoderBatch::from_rows(&rows, source, self.pad_id),
            targets: examples
                .iter()
                .map(|example| example.target.clone())
                .collect(),
        })
    }

    fn place(&self, draw: &Draw) -> String {
        format!("example {}", draw.index())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
