//! How far the scoring is.

use std::cell::Cell;

use super::Heard;
use crate::progress::Stage;

/// Asked before each batch whether there is time for it, which tells the observer how far the scoring is.
pub(super) struct Watch<'a, 'o> {
    observer: &'a Heard<'o>,
    num_examples: usize,
    num_batches: usize,
    /// Batches in front of those, which are quick.
    num_before: usize,
    num_begun: Cell<usize>,
}

impl<'a, 'o> Watch<'a, 'o> {
    /// A watch over so many batches with so many examples.
    pub(super) fn new(observer: &'a Heard<'o>, num_examples: usize, num_batches: usize) -> Self {
        Self {
            observer,
            num_examples,
            num_batches,
            num_before: 0,
            num_begun: Cell::new(0),
        }
    }

    /// The same with so many quick batches in front, in which nothing is done that counts.
    pub(super) fn behind(self, num_before: usize) -> Self {
        Self { num_before, ..self }
    }

    /// Another batch begins.
    pub(super) fn is_interrupted(&self) -> bool {
        let num_begun = self.num_begun.replace(self.num_begun.get() + 1);
        let num_done = num_begun.saturating_sub(self.num_before);
        let num_batches = self.num_batches.max(1);
        let num_scored = self.num_examples * num_done.min(num_batches) / num_batches;
        let mut observer = self.observer.borrow_mut();
        observer.scored(num_scored, self.num_examples);
        observer.is_interrupted()
    }
}

/// What hears of so many more of the records and of their tokens, and tells the observer.
pub(super) fn reading(observer: &Heard<'_>, num_records: usize) -> impl FnMut(usize, usize) {
    Stage::reading(num_records, |stage| observer.borrow_mut().preparing(stage))
}
