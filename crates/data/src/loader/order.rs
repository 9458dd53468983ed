//! Which example comes next, and the random generator that belongs to it.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Training never comes to this epoch, so evaluation's noise is its own.
const EVALUATION_EPOCH: u64 = u64::MAX;

/// What a generator is for: keeps the streams of one seed apart.
#[derive(Clone, Copy)]
enum Purpose {
    Order,
    Example,
}

fn generator(seed: u64, epoch: u64, index: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (word, bytes) in [seed, epoch, index, purpose as u64]
        .into_iter()
        .zip(key.chunks_exact_mut(8))
    {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// One example drawn for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    seed: u64,
    epoch: u64,
    index: usize,
}

impl Draw {
    pub(super) fn for_evaluation(seed: u64, index: usize) -> Self {
        Self {
            seed,
            epoch: EVALUATION_EPOCH,
            index,
        }
    }

    /// The example's place in its set.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The generator of this example's noise in this epoch.
    pub fn rng(&self) -> ChaCha8Rng {
        generator(self.seed, self.epoch, self.index as u64, Purpose::Example)
    }
}

/// A place in the endless sequence of examples. Where a run goes on follows from it alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    epoch: u64,
    /// Examples of the epoch that were drawn.
    next: usize,
}

/// An endless iterator over all examples, shuffled anew for each epoch.
pub(super) struct Order {
    seed: u64,
    shuffled: Vec<usize>,
    cursor: Cursor,
}

impl Order {
    /// `num_examples` is at least 1.
    pub(super) fn new(num_examples: usize, seed: u64) -> Self {
        let mut order = Self {
            seed,
            shuffled: vec![0; num_examples],
            cursor: Cursor::default(),
        };
        order.shuffle();
        order
    }

    /// Where the next example stands.
    pub(super) fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Goes on from a place that [`Self::cursor`] gave.
    pub(super) fn move_to(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        self.shuffle();
    }

    /// Starts from the sorted order, so that an epoch's order can be had without those before it.
    fn shuffle(&mut self) {
        for (index, place) in self.shuffled.iter_mut().enumerate() {
            *place = index;
        }
        let mut rng = generator(self.seed, self.cursor.epoch, 0, Purpose::Order);
        self.shuffled.shuffle(&mut rng);
    }
}

impl Iterator for Order {
    type Item = Draw;

    fn next(&mut self) -> Option<Draw> {
        if self.cursor.next >= self.shuffled.len() {
            self.cursor = Cursor {
                epoch: self.cursor.epoch + 1,
                next: 0,
            };
            self.shuffle();
        }
        let index = *self.shuffled.get(self.cursor.next)?;
        self.cursor.next += 1;
        Some(Draw {
            seed: self.seed,
            epoch: self.cursor.epoch,
            index,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::Rng;

    use super::*;

    #[test]
    fn an_epoch_has_every_example_once() {
        let mut order = Order::new(37, 5);
        let mut orders = Vec::new();
        for epoch in 0..3 {
            let draws: Vec<Draw> = order.by_ref().take(37).collect();
            assert!(draws.iter().all(|draw| draw.epoch == epoch));
            let indices: Vec<usize> = draws.iter().map(Draw::index).collect();
            assert_eq!(indices.iter().collect::<HashSet<_>>().len(), 37);
            orders.push(indices);
        }
        assert_ne!(orders[0], orders[1]);
        assert_ne!(orders[1], orders[2]);
    }

    #[test]
    fn an_order_goes_on_from_any_cursor() {
        let whole: Vec<Draw> = Order::new(7, 5).take(30).collect();
        let mut order = Order::new(7, 5);
        for drawn in 0..30 {
            let mut resumed = Order::new(7, 5);
            resumed.move_to(order.cursor());
            assert!(resumed.take(30 - drawn).eq(whole[drawn..].iter().copied()));
            order.next();
        }
    }

    #[test]
    fn seed_epoch_index_and_purpose_each_change_the_generator() {
        let keys = [
            (0, 0, 0, Purpose::Example),
            (1, 0, 0, Purpose::Example),
            (0, 1, 0, Purpose::Example),
            (0, 0, 1, Purpose::Example),
            (0, 0, 0, Purpose::Order),
        ];
        let first: HashSet<u64> = keys
            .into_iter()
            .map(|(seed, epoch, index, purpose)| generator(seed, epoch, index, purpose).next_u64())
            .collect();
        assert_eq!(first.len(), keys.len());
    }
}
