//! How often things come.

use std::collections::HashMap;
use std::hash::Hash;

/// How often each comes.
pub(super) fn count<T: Eq + Hash>(items: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = HashMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

/// How many there are on both sides, each as often as it comes on the side where it comes less.
pub(super) fn num_shared<T: Eq + Hash>(
    left: &HashMap<T, usize>,
    right: &HashMap<T, usize>,
) -> usize {
    let shared = left.iter().map(|(item, count)| match right.get(item) {
        Some(other) => *count.min(other),
        None => 0,
    });
    shared.sum()
}
