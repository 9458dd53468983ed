//! What a decoder keeps of its past from one step to the next.

use burn::tensor::{Int, Tensor};

use crate::attention::KeyValue;

/// Attention reads the past in whole blocks of this many positions, so that the shapes that a
/// device sees stay few; the bias hides what is not filled yet.
const BLOCK: usize = 64;

/// The keys and values of self-attention, `[rows, heads, capacity, head_dim]`, written in place.
/// The capacity doubles when it is used up.
#[derive(Debug, Clone, Default)]
pub struct KeyValueCache {
    past: Option<KeyValue>,
}

impl KeyValueCache {
    /// How many positions attention reads where `length` of them are filled.
    pub fn num_attended(length: usize) -> usize {
        length.next_multiple_of(BLOCK)
    }

    /// Writes the keys and values of `[rows, heads, new, head_dim]` at `position` and gives what
    /// attention reads: whole blocks from the first position on.
    pub fn append(&mut self, new: KeyValue, position: usize) -> KeyValue {
        let [_, _, num_new, _] = new.key.dims();
        let end = position + num_new;
        let num_attended = Self::num_attended(end);
        let past = match self.past.take() {
            Some(past) => past.with_capacity_for(num_attended),
            None => KeyValue {
                key: zeros(&new.key, num_attended),
                value: zeros(&new.value, num_attended),
            },
        };
        let write = |past: Tensor<4>, new: Tensor<4>| {
            let [rows, heads, _, head_dim] = new.dims();
            past.slice_assign([0..rows, 0..heads, position..end, 0..head_dim], new)
        };
        let past = KeyValue {
            key: write(past.key, new.key),
            value: write(past.value, new.value),
        };
        let attended = KeyValue {
            key: past.key.clone().narrow(2, 0, num_attended),
            value: past.value.clone().narrow(2, 0, num_attended),
        };
        self.past = Some(past);
        attended
    }

    /// How many rows there are; none before the first position is written.
    pub fn num_rows(&self) -> Option<usize> {
        self.past.as_ref().map(|past| past.key.dims()[0])
    }

    /// Keeps `rows`, in this order; a row may come several times.
    pub fn select(&mut self, rows: &Tensor<1, Int>) {
        self.past = self.past.take().map(|past| past.select(rows));
    }
}

impl KeyValue {
    /// Keeps `rows` of the batch, in this order; a row may come several times.
    pub fn select(self, rows: &Tensor<1, Int>) -> Self {
        Self {
            key: self.key.select(0, rows.clone()),
            value: self.value.select(0, rows.clone()),
        }
    }

    fn with_capacity_for(self, length: usize) -> Self {
        let [_, _, capacity, _] = self.key.dims();
        if length <= capacity {
            return self;
        }
        let more = length.max(2 * capacity) - capacity;
        let grown = |past: Tensor<4>| {
            let unfilled = zeros(&past, more);
            Tensor::cat(vec![past, unfilled], 2)
        };
        Self {
            key: grown(self.key),
            value: grown(self.value),
        }
    }
}

/// As `like`, but with `length` positions, none of them filled.
fn zeros(like: &Tensor<4>, length: usize) -> Tensor<4> {
    let [rows, heads, _, head_dim] = like.dims();
    Tensor::zeros(
        [rows, heads, length, head_dim],
        (&like.device(), like.dtype()),
    )
}
