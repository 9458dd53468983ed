//! Which example comes next, and the random generator that belongs to it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::permutation::{Permutation, mixed};

/// Training never comes to this epoch, so evaluation's noise is its own.
const EVALUATION_EPOCH: u64 = u64::MAX;

/// What a generator is for: keeps the streams of one seed apart.
#[derive(Clone, Copy)]
enum Purpose {
    Order,
    Example,
    Part,
    Building,
}

fn generator(seed: u64, epoch: u64, index: u64, part: usize, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    let last = (part as u64) << 8 | purpose as u64;
    for (word, bytes) in [seed, epoch, index, last]
        .into_iter()
        .zip(key.chunks_exact_mut(8))
    {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// The generator of what is made of a document once and for all.
pub(super) fn for_building(seed: u64, document: usize) -> ChaCha8Rng {
    generator(seed, 0, document as u64, 0, Purpose::Building)
}

/// One example drawn for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    seed: u64,
    epoch: u64,
    part: usize,
    index: usize,
}

impl Draw {
    pub(super) fn for_evaluation(seed: u64, part: usize, index: usize) -> Self {
        Self {
            seed,
            epoch: EVALUATION_EPOCH,
            part,
            index,
        }
    }

    /// The part of the set that the example belongs to.
    pub fn part(&self) -> usize {
        self.part
    }

    /// The example's place in its part.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The generator of this example's noise in this epoch.
    pub fn rng(&self) -> ChaCha8Rng {
        generator(
            self.seed,
            self.epoch,
            self.index as u64,
            self.part,
            Purpose::Example,
        )
    }
}

/// Examples that are drawn at one rate, a task's for instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// How many there are, at least 1.
    pub num_examples: usize,
    /// How often one of them is drawn, relative to the other parts.
    pub rate: f64,
}

/// An endless iterator over examples. At each place the part is drawn by its rate; within a part every example comes
/// once, in an order of its own, before any comes again. What stands at a place does not depend on the places before it
/// but for how many of each part they took.
pub(super) struct Order {
    seed: u64,
    parts: Vec<Part>,
    /// Rates of the parts up to each, as shares of all.
    shares: Vec<f64>,
    /// Decides, with the place, which part is drawn.
    part_key: u64,
    /// Examples drawn of each part.
    drawn: Vec<u64>,
    /// The order of each part in the epoch it is in.
    permutations: Vec<(u64, Permutation)>,
}

impl Order {
    /// There is a part, and each has an example.
    pub(super) fn new(parts: Vec<Part>, seed: u64) -> Self {
        let total: f64 = parts.iter().map(|part| part.rate).sum();
        let shares = parts.iter().scan(0.0, |sum, part| {
            *sum += part.rate;
            Some(*sum / total)
        });
        Self {
            seed,
            shares: shares.collect(),
            part_key: generator(seed, 0, 0, 0, Purpose::Part).next_u64(),
            drawn: vec![0; parts.len()],
            permutations: (0..parts.len())
                .map(|part| (0, permutation(seed, 0, part, &parts)))
                .collect(),
            parts,
        }
    }

    /// Examples drawn of each part.
    pub(super) fn drawn(&self) -> &[u64] {
        &self.drawn
    }

    /// Goes on behind so many examples of each part.
    pub(super) fn move_to(&mut self, drawn: &[u64]) {
        self.drawn = drawn.to_vec();
        self.drawn.resize(self.parts.len(), 0);
    }

    fn next_part(&self) -> usize {
        if self.parts.len() == 1 {
            return 0;
        }
        let place: u64 = self.drawn.iter().sum();
        // A hash of the place: a generator for each would cost more than the example's own draws.
        let uniform = (mixed(self.part_key ^ mixed(place)) >> 11) as f64 / (1_u64 << 53) as f64;
        let part = self.shares.partition_point(|&share| share <= uniform);
        part.min(self.parts.len() - 1)
    }
}

fn permutation(seed: u64, epoch: u64, part: usize, parts: &[Part]) -> Permutation {
    let mut rng = generator(seed, epoch, 0, part, Purpose::Order);
    let keys = std::array::from_fn(|_| rng.next_u64());
    Permutation::new(parts[part].num_examples as u64, keys)
}

impl Iterator for Order {
    type Item = Draw;

    fn next(&mut self) -> Option<Draw> {
        let part = self.next_part();
        let num_examples = self.parts[part].num_examples as u64;
        let (epoch, place) = (
            self.drawn[part] / num_examples,
            self.drawn[part] % num_examples,
        );
        if self.permutations[part].0 != epoch {
            self.permutations[part] = (epoch, permutation(self.seed, epoch, part, &self.parts));
        }
        self.drawn[part] += 1;
        Some(Draw {
            seed: self.seed,
            epoch,
            part,
            index: self.permutations[part].1.at(place) as usize,
        })
    }
}

/// A place in the endless sequence of batches. Where a run goes on follows from it alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Examples drawn of each part before the batches at hand were put together.
    pub(super) drawn: Vec<u64>,
    /// Batches taken of those that were put together.
    pub(super) num_taken: usize,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn order(sizes: &[usize], rates: &[f64]) -> Order {
        let parts = sizes
            .iter()
            .zip(rates)
            .map(|(&num_examples, &rate)| Part { num_examples, rate });
        Order::new(parts.collect(), 5)
    }

    #[test]
    fn an_epoch_has_every_example_once() {
        let mut order = order(&[37], &[1.0]);
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
    fn an_order_goes_on_from_any_place() {
        let parts: (&[usize], &[f64]) = (&[7, 3], &[0.6, 0.4]);
        let whole: Vec<Draw> = order(parts.0, parts.1).take(60).collect();
        let mut going = order(parts.0, parts.1);
        for num_drawn in 0..60 {
            let mut resumed = order(parts.0, parts.1);
            resumed.move_to(going.drawn());
            assert!(
                resumed
                    .take(60 - num_drawn)
                    .eq(whole[num_drawn..].iter().copied())
            );
            going.next();
        }
    }

    #[test]
    fn parts_are_drawn_at_their_rates_and_each_in_whole_epochs() {
        let draws: Vec<Draw> = order(&[10, 1000], &[3.0, 1.0]).take(4000).collect();
        let small: Vec<&Draw> = draws.iter().filter(|draw| draw.part == 0).collect();
        // 3000 expected, with a standard deviation of 27.
        assert!((2880..3120).contains(&small.len()), "{}", small.len());
        for epoch in small.chunks_exact(10) {
            let indices: HashSet<usize> = epoch.iter().map(|draw| draw.index).collect();
            assert_eq!(indices.len(), 10);
        }
    }

    #[test]
    fn everything_that_tells_draws_apart_changes_the_generator() {
        let keys = [
            (0, 0, 0, 0, Purpose::Example),
            (1, 0, 0, 0, Purpose::Example),
            (0, 1, 0, 0, Purpose::Example),
            (0, 0, 1, 0, Purpose::Example),
            (0, 0, 0, 1, Purpose::Example),
            (0, 0, 0, 0, Purpose::Order),
            (0, 0, 0, 0, Purpose::Part),
            (0, 0, 0, 0, Purpose::Building),
        ];
        let first: HashSet<u64> = keys
            .into_iter()
            .map(|(seed, epoch, index, part, purpose)| {
                generator(seed, epoch, index, part, purpose).next_u64()
            })
            .collect();
        assert_eq!(first.len(), keys.len());
    }
}
