//! Endless streams of batches over a corpus, the same for the same seed.
//!
//! A loader goes through its examples in an order drawn anew for each epoch. An example's noise is drawn from the seed,
//! the epoch and the example's index, so it does not depend on which batch the example falls into.

mod masked_tokens;
mod order;
mod packing;
mod prefetch;
mod span_corruption;
mod text_to_text;

pub use masked_tokens::{MaskedTokenExamples, MaskedTokenLoader, MaskedTokenSettings};
pub use order::{Cursor, Draw};
pub use prefetch::Prefetch;
pub use span_corruption::{SpanCorruptionExamples, SpanCorruptionLoader, SpanCorruptionSettings};
pub use text_to_text::{TextToTextExamples, TextToTextLoader, TextToTextSettings, truncated};

use order::Order;

use crate::DataError;
use crate::digest::Digest;

/// A set of examples that batches are made of.
pub trait ExampleSet {
    /// What the examples are gathered in.
    type Batch;

    /// How many examples there are.
    fn num_examples(&self) -> usize;

    /// A digest of all examples before any noise: another text gives another one.
    fn digest(&self) -> Digest;

    /// The batch of the drawn examples, one row each.
    ///
    /// # Errors
    /// When an example cannot be made, say for want of sentinels.
    fn batch(&self, draws: &[Draw]) -> Result<Self::Batch, DataError>;
}

/// A batch, and where the one behind it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn<B> {
    /// The batch.
    pub batch: B,
    /// Where the loader goes on.
    pub cursor: Cursor,
}

/// An endless iterator of batches. All have `batch_size` rows: one that an epoch cannot fill goes on with the next
/// epoch.
pub struct Loader<E> {
    examples: E,
    batch_size: usize,
    seed: u64,
    order: Order,
}

impl<E: ExampleSet> Loader<E> {
    fn over(examples: E, batch_size: usize, seed: u64) -> Result<Self, DataError> {
        if batch_size == 0 {
            return Err(DataError::InvalidSetting {
                key: "batch_size",
                value: batch_size.to_string(),
                expected: "at least 1",
            });
        }
        let num_examples = examples.num_examples();
        if num_examples == 0 {
            return Err(DataError::EmptyCorpus);
        }
        Ok(Self {
            examples,
            batch_size,
            seed,
            order: Order::new(num_examples, seed),
        })
    }

    /// How many examples an epoch has.
    pub fn num_examples(&self) -> usize {
        self.examples.num_examples()
    }

    /// A digest of the examples, before noise and order.
    pub fn digest(&self) -> Digest {
        self.examples.digest()
    }

    /// The batches from `cursor` on, the same as if all before it had been drawn.
    pub fn batches_from(
        mut self,
        cursor: Cursor,
    ) -> impl Iterator<Item = Result<Drawn<E::Batch>, DataError>> {
        self.order.move_to(cursor);
        std::iter::from_fn(move || {
            let batch = self.next()?;
            let cursor = self.order.cursor();
            Some(batch.map(|batch| Drawn { batch, cursor }))
        })
    }

    /// The first `max_batches` batches of one pass over the examples in their own order, the same at each call. The last
    /// batch of the pass may be smaller. The noise is none that training sees.
    ///
    /// # Errors
    /// When an example cannot be made.
    pub fn evaluation_batches(&self, max_batches: usize) -> Result<Vec<E::Batch>, DataError> {
        let indices: Vec<usize> = (0..self.num_examples()).collect();
        indices
            .chunks(self.batch_size)
            .take(max_batches)
            .map(|indices| {
                let draws: Vec<Draw> = indices
                    .iter()
                    .map(|&index| Draw::for_evaluation(self.seed, index))
                    .collect();
                self.examples.batch(&draws)
            })
            .collect()
    }
}

impl<E: ExampleSet> Iterator for Loader<E> {
    type Item = Result<E::Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let draws: Vec<Draw> = self.order.by_ref().take(self.batch_size).collect();
        Some(self.examples.batch(&draws))
    }
}
