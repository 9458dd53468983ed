//! Endless streams of batches over a corpus, the same for the same seed.
//!
//! A loader goes through its examples in an order drawn anew for each epoch. An example's noise is drawn from the seed,
//! the epoch and the example's index, so it does not depend on which batch the example falls into.

mod denoising;
mod encoding;
mod labelled;
mod masked_tokens;
mod order;
mod permutation;
mod pieces;
mod plan;
mod prefetch;
mod text_to_text;

use std::sync::Arc;

pub use denoising::{DenoisingExamples, DenoisingLoader, DenoisingSettings};
pub use labelled::{
    AnswerTarget, LabelNames, Labelled, LabelledBatch, LabelledEncoder, LabelledExamples,
    LabelledLoader, LabelledSettings, QuestionEncoder, QuestionWindow, Target,
};
pub use masked_tokens::{Building, MaskedTokenExamples, MaskedTokenLoader, MaskedTokenSettings};
pub use order::{Cursor, Draw, Part};
pub use plan::Row;
pub use prefetch::{Prefetch, Workers};
pub use text_to_text::{
    Arrangement, IdPair, PairSet, TextToTextExamples, TextToTextLoader, TextToTextSettings,
    encode_pairs, truncated,
};

use order::Order;
use plan::{Plan, Planner};

use crate::DataError;
use crate::digest::Digest;

/// A set of examples that batches are made of.
pub trait ExampleSet {
    /// What the examples are gathered in.
    type Batch;

    /// How many examples there are.
    fn num_examples(&self) -> usize;

    /// The parts of the set, which are drawn at rates of their own; none is empty.
    fn parts(&self) -> Vec<Part> {
        vec![Part {
            num_examples: self.num_examples(),
            rate: 1.0,
        }]
    }

    /// A digest of all examples before any noise: another text gives another one.
    fn digest(&self) -> Digest;

    /// How many examples are put together into batches at a time.
    fn num_arranged(&self, batch_size: usize) -> usize {
        batch_size
    }

    /// Puts as many examples as [`Self::num_arranged`] says into batches of `batch_size` rows, at least one batch.
    fn arranged(&self, draws: Vec<Draw>, batch_size: usize) -> Vec<Vec<Row>> {
        debug_assert_eq!(draws.len(), batch_size);
        vec![draws.into_iter().map(|draw| vec![draw]).collect()]
    }

    /// The batch of the drawn examples.
    ///
    /// # Errors
    /// When an example cannot be made, say for want of sentinels.
    fn batch(&self, rows: &[Row]) -> Result<Self::Batch, DataError>;

    /// Where an example stands, for messages.
    fn place(&self, draw: &Draw) -> String;
}

/// One of several processes that share the batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// Number of this process, from zero.
    pub rank: usize,
    /// Number of processes.
    pub size: usize,
}

impl World {
    /// A process on its own.
    pub const ALONE: Self = Self { rank: 0, size: 1 };
}

/// A batch, and where those behind it start.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn<B> {
    /// The batch.
    pub batch: B,
    /// Where the loader goes on.
    pub cursor: Cursor,
}

/// An endless sequence of batches, which all have `batch_size` rows: one that an epoch cannot fill goes on with the next
/// epoch.
pub struct Loader<E> {
    examples: Arc<E>,
    batch_size: usize,
    seed: u64,
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
        if examples.num_examples() == 0 {
            return Err(DataError::EmptyCorpus);
        }
        Ok(Self {
            examples: Arc::new(examples),
            batch_size,
            seed,
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

    /// The batches of one rank from `cursor` on, the same as if all before had been drawn. The sequence over all ranks
    /// does not depend on how many there are: of `world.size` batches in a row each rank takes one.
    pub fn batches_from<'a>(
        &'a self,
        cursor: &Cursor,
        world: World,
    ) -> impl Iterator<Item = Result<Drawn<E::Batch>, DataError>> + use<'a, E> {
        self.plans(cursor, world).map(|Plan { rows, cursor }| {
            let batch = self.examples.batch(&rows)?;
            Ok(Drawn { batch, cursor })
        })
    }

    /// [`Self::batches_from`], made ahead on threads.
    ///
    /// # Errors
    /// [`DataError::Thread`] when the system gives no thread.
    pub fn prefetch(
        &self,
        cursor: &Cursor,
        world: World,
        workers: Workers,
    ) -> Result<Prefetch<E>, DataError>
    where
        E: Send + Sync + 'static,
        E::Batch: Send,
    {
        Prefetch::start(&self.examples, workers, || self.plans(cursor, world))
    }

    fn plans(&self, cursor: &Cursor, world: World) -> impl Iterator<Item = Plan> + use<E> {
        let examples = Arc::clone(&self.examples);
        let order = Order::new(examples.parts(), self.seed);
        Planner::new(examples, order, self.batch_size, cursor).of_rank(world)
    }

    /// The first `max_batches` batches of one pass over the examples in their own order, one a row, the same at each
    /// call. The last batch of the pass may be smaller. The noise is none that training sees.
    ///
    /// # Errors
    /// When an example cannot be made.
    pub fn evaluation_batches(&self, max_batches: usize) -> Result<Vec<E::Batch>, DataError> {
        let parts = self.examples.parts();
        let draws = parts.iter().enumerate().flat_map(|(part, sizes)| {
            (0..sizes.num_examples).map(move |index| Draw::for_evaluation(self.seed, part, index))
        });
        let num_rows = max_batches.saturating_mul(self.batch_size);
        let rows: Vec<Row> = draws.take(num_rows).map(|draw| vec![draw]).collect();
        rows.chunks(self.batch_size)
            .map(|rows| self.examples.batch(rows))
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
