//! Which pairs share a batch or a row.

use std::collections::BTreeSet;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::loader::{Draw, Row};

/// Batches that are put together at a time, where their examples are not in order; more make less padding.
const WINDOW_BATCHES: usize = 64;
/// Examples that are put together at a time at most, unless a batch has more.
const WINDOW_EXAMPLES: usize = 1 << 14;

/// Which pairs share a batch or a row. Every one is drawn as often as in any other arrangement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrangement {
    /// One pair a row, in the order they are drawn.
    #[default]
    InOrder,
    /// One pair a row; of some thousand, those of like length share a batch.
    ByLength,
    /// As many pairs as fit share a row.
    Packed,
}

/// Tokens of an input and its target.
type Lengths = (usize, usize);

impl Arrangement {
    /// How many pairs are put together at a time.
    pub(super) fn num_arranged(self, batch_size: usize) -> usize {
        match self {
            Self::InOrder => batch_size,
            Self::ByLength | Self::Packed => {
                let most = WINDOW_EXAMPLES.next_multiple_of(batch_size);
                most.min(WINDOW_BATCHES * batch_size)
            }
        }
    }

    /// Batches of `batch_size` rows, none of which has more tokens than `room`. A packed batch may have empty rows.
    pub(super) fn batches(
        self,
        mut sized: Vec<(Lengths, Draw)>,
        room: Lengths,
        batch_size: usize,
    ) -> Vec<Vec<Row>> {
        // The first draw's generator is drawn from by nobody else: pairs have no noise.
        let rng = sized.first().map(|(_, draw)| draw.rng());
        let mut rows: Vec<Row> = match self {
            Self::Packed => packed(sized, room),
            Self::ByLength => {
                sized.sort_by_key(|(lengths, _)| *lengths);
                sized.into_iter().map(|(_, draw)| vec![draw]).collect()
            }
            Self::InOrder => sized.into_iter().map(|(_, draw)| vec![draw]).collect(),
        };
        let Some(mut rng) = rng.filter(|_| self != Self::InOrder) else {
            return vec![rows];
        };
        if self == Self::Packed {
            rows.resize(rows.len().next_multiple_of(batch_size), Row::new());
            rows.shuffle(&mut rng);
        }
        let mut batches: Vec<Vec<Row>> = rows.chunks(batch_size).map(<[Row]>::to_vec).collect();
        batches.shuffle(&mut rng);
        // All rows may have gone to others.
        batches.retain(|batch| batch.iter().any(|row| !row.is_empty()));
        batches
    }
}

/// Best fit, longest first: each pair goes into the fullest row that still has room for it.
fn packed(mut sized: Vec<(Lengths, Draw)>, room: Lengths) -> Vec<Row> {
    sized.sort_by_key(|((input, target), _)| std::cmp::Reverse((input + target, *input)));
    let mut rows: Vec<(Row, usize)> = Vec::new();
    // Room for inputs that each row has left, the fullest first.
    let mut left: BTreeSet<(usize, usize)> = BTreeSet::new();
    for ((input, target), draw) in sized {
        let fitting = left
            .range((input, 0)..)
            .find(|(_, row)| rows[*row].1 >= target)
            .copied();
        let (input_left, row) = fitting.unwrap_or_else(|| {
            rows.push((Row::new(), room.1));
            (room.0, rows.len() - 1)
        });
        left.remove(&(input_left, row));
        left.insert((input_left - input, row));
        rows[row].0.push(draw);
        rows[row].1 -= target;
    }
    rows.into_iter().map(|(row, _)| row).collect()
}
