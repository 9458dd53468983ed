//! A shuffle that is computed place by place, without a list.

/// Each round mixes one half by the other; after four the two are already hard to tell from chance (Luby & Rackoff 1988).
const NUM_ROUNDS: usize = 6;

/// A pseudo-random permutation of `0..num_items`: a Feistel network over pairs of digits whose range is at least
/// `num_items`, walked on from a place outside until one inside is met (Black & Rogaway 2002, "cycle walking").
#[derive(Clone, Copy, Debug)]
pub(super) struct Permutation {
    num_items: u64,
    /// How many values the two digits have.
    high: u64,
    low: u64,
    keys: [u64; NUM_ROUNDS],
}

impl Permutation {
    /// `num_items` is at least 1.
    pub(super) fn new(num_items: u64, keys: [u64; NUM_ROUNDS]) -> Self {
        let low = num_items.isqrt().max(1);
        Self {
            num_items,
            high: num_items.div_ceil(low),
            low,
            keys,
        }
    }

    /// What stands at a place below `num_items`.
    pub(super) fn at(&self, place: u64) -> u64 {
        let mut walked = self.step(place);
        while walked >= self.num_items {
            walked = self.step(walked);
        }
        walked
    }

    fn step(&self, place: u64) -> u64 {
        let (mut high, mut low) = (place / self.low, place % self.low);
        for (round, key) in self.keys.iter().enumerate() {
            if round % 2 == 0 {
                high = (high + mixed(low ^ key) % self.high) % self.high;
            } else {
                low = (low + mixed(high ^ key) % self.low) % self.low;
            }
        }
        high * self.low + low
    }
}

/// The finaliser of SplitMix64 (Steele et al. 2014).
pub(super) fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn keys(seed: u64) -> [u64; NUM_ROUNDS] {
        std::array::from_fn(|round| mixed(seed * 64 + round as u64 + 1))
    }

    #[test]
    fn every_item_stands_at_one_place() {
        for num_items in (1..300).chain([4096, 10_007]) {
            let permutation = Permutation::new(num_items, keys(num_items));
            let mut items: Vec<u64> = (0..num_items).map(|place| permutation.at(place)).collect();
            items.sort_unstable();
            assert!(items.into_iter().eq(0..num_items));
        }
    }

    #[test]
    fn every_order_of_a_few_items_comes_up_about_as_often() {
        let mut counts: HashMap<Vec<u64>, usize> = HashMap::new();
        for seed in 0..24_000 {
            let permutation = Permutation::new(4, keys(seed));
            *counts
                .entry((0..4).map(|place| permutation.at(place)).collect())
                .or_default() += 1;
        }
        assert_eq!(counts.len(), 24);
        assert!(
            counts.values().all(|count| (700..1400).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn an_item_stands_anywhere_and_neighbours_part() {
        let num_items = 1000;
        let mut sum = 0.0;
        let mut num_neighbours = 0;
        for seed in 0..1000 {
            let permutation = Permutation::new(num_items, keys(seed));
            sum += permutation.at(500) as f64;
            num_neighbours += usize::from(permutation.at(7).abs_diff(permutation.at(8)) == 1);
        }
        // Uniform over 0..1000: the mean of 1000 draws is within 3.5 standard errors of 499.5.
        assert!((sum / 1000.0 - 499.5).abs() < 32.0, "{sum}");
        assert!(num_neighbours < 10, "{num_neighbours}");
    }
}
