//! Which examples a batch has.

use std::collections::VecDeque;
use std::sync::Arc;

use super::order::{Cursor, Draw, Order};
use super::{ExampleSet, World};

/// The examples of a row; several where rows are packed.
pub type Row = Vec<Draw>;

/// The rows of a batch, and where the batches behind it start.
pub(super) struct Plan {
    pub(super) rows: Vec<Row>,
    pub(super) cursor: Cursor,
}

/// The endless sequence of plans, the same for any number of ranks.
pub(super) struct Planner<E> {
    examples: Arc<E>,
    order: Order,
    batch_size: usize,
    /// Examples drawn of each part before those that are put together at present.
    before: Vec<u64>,
    num_taken: usize,
    /// What is left of the batches that were put together.
    batches: VecDeque<Vec<Row>>,
}

impl<E: ExampleSet> Planner<E> {
    pub(super) fn new(examples: Arc<E>, order: Order, batch_size: usize, from: &Cursor) -> Self {
        let mut planner = Self {
            examples,
            order,
            batch_size,
            before: Vec::new(),
            num_taken: 0,
            batches: VecDeque::new(),
        };
        planner.order.move_to(&from.drawn);
        planner.fill();
        for _ in 0..from.num_taken {
            planner.batches.pop_front();
        }
        planner.num_taken = from.num_taken;
        planner
    }

    /// The plans of one rank: of `world.size` batches in a row it takes one. The cursor goes behind all of them.
    pub(super) fn of_rank(mut self, world: World) -> impl Iterator<Item = Plan> {
        std::iter::from_fn(move || {
            let mut step = self.by_ref().take(world.size).collect::<Vec<_>>();
            let cursor = step.last()?.cursor.clone();
            let rows = step.swap_remove(world.rank).rows;
            Some(Plan { rows, cursor })
        })
    }

    fn fill(&mut self) {
        self.before = self.order.drawn().to_vec();
        self.num_taken = 0;
        let num_drawn = self.examples.num_arranged(self.batch_size);
        let draws = self.order.by_ref().take(num_drawn).collect();
        self.batches = self.examples.arranged(draws, self.batch_size).into();
    }
}

impl<E: ExampleSet> Iterator for Planner<E> {
    type Item = Plan;

    fn next(&mut self) -> Option<Plan> {
        if self.batches.is_empty() {
            self.fill();
        }
        let rows = self.batches.pop_front()?;
        self.num_taken += 1;
        let cursor = match self.batches.is_empty() {
            true => Cursor {
                drawn: self.order.drawn().to_vec(),
                num_taken: 0,
            },
            false => Cursor {
                drawn: self.before.clone(),
                num_taken: self.num_taken,
            },
        };
        Some(Plan { rows, cursor })
    }
}
