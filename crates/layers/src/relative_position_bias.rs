//! T5's relative position bias: buckets of distances, one learned scalar per bucket and head.

use burn::module::Module;
use burn::nn::Embedding;
use burn::tensor::{Device, Tensor, TensorData};

use crate::embedding::look_up;
use crate::initializer::{Initializer, embedding};
use crate::mask::distances;

/// How distances fall into buckets (Raffel et al. 2020, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    /// Number of rows of the table.
    pub num_buckets: usize,
    /// From this distance on, everything falls into the last bucket.
    pub max_distance: usize,
    /// Whether keys to the right have buckets of their own (encoder) or share bucket 0 (decoder).
    pub bidirectional: bool,
}

impl Buckets {
    /// The bucket of `key position - query position`.
    ///
    /// Computed on the host in f64: half of the buckets of a direction hold one distance each,
    /// the rest grow with the logarithm. The small addend keeps exact powers, whose logarithm
    /// may come out a rounding short, in the bucket they open.
    pub fn bucket(self, relative_position: i64) -> usize {
        let (num_buckets, offset, distance) = if self.bidirectional {
            let half = self.num_buckets / 2;
            let offset = if relative_position > 0 { half } else { 0 };
            (half, offset, relative_position.unsigned_abs() as usize)
        } else {
            (self.num_buckets, 0, (-relative_position).max(0) as usize)
        };
        let max_exact = num_buckets / 2;
        if distance < max_exact {
            return offset + distance;
        }
        let growth = (distance as f64 / max_exact as f64).ln()
            / (self.max_distance as f64 / max_exact as f64).ln();
        let logarithmic = (growth * (num_buckets - max_exact) as f64 + 1e-9) as usize;
        offset + (max_exact + logarithmic).min(num_buckets - 1)
    }
}

/// The table of biases `[num_buckets, heads]`.
#[derive(Module, Debug)]
pub struct RelativePositionBias {
    table: Embedding,
    #[module(skip)]
    buckets: Buckets,
}

impl RelativePositionBias {
    /// A new table with random rows.
    pub fn new(
        buckets: Buckets,
        num_heads: usize,
        initializer: Initializer,
        device: &Device,
    ) -> Self {
        Self {
            table: embedding(buckets.num_buckets, num_heads, initializer, device),
            buckets,
        }
    }

    /// The bias of `target` queries, the first of which stands at `query_offset`, towards
    /// `source` keys that start at 0, by distance: `[1, heads, 1, target + source - 1]`.
    pub fn forward(&self, target: usize, source: usize, query_offset: usize) -> Tensor<4> {
        let weight = self.table.weight.val();
        let device = weight.device();
        let distances = distances(target, source, query_offset);
        let ids: Vec<i64> = distances.map(|d| self.buckets.bucket(d) as i64).collect();
        let ids = TensorData::new(ids, [1, target + source - 1]);
        look_up(&self.table, Tensor::from_data(ids, &device)) // [1, distances, heads]
            .permute([2, 0, 1])
            .unsqueeze_dim(0) // [1, heads, 1, distances]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First distance of each bucket from the point where they grow logarithmically.
    const BIDIRECTIONAL: [(i64, usize); 8] = [
        (8, 8),
        (12, 9),
        (16, 10),
        (23, 11),
        (32, 12),
        (46, 13),
        (64, 14),
        (91, 15),
    ];
    const CAUSAL: [(i64, usize); 16] = [
        (16, 16),
        (19, 17),
        (21, 18),
        (24, 19),
        (27, 20),
        (31, 21),
        (35, 22),
        (40, 23),
        (46, 24),
        (52, 25),
        (59, 26),
        (67, 27),
        (77, 28),
        (87, 29),
        (99, 30),
        (113, 31),
    ];

    fn buckets(bidirectional: bool) -> Buckets {
        Buckets {
            num_buckets: 32,
            max_distance: 128,
            bidirectional,
        }
    }

    fn assert_table(buckets: Buckets, num_exact: i64, first: &[(i64, usize)], last: usize) {
        for distance in 0..10_000_i64 {
            let expected = if distance < num_exact {
                distance as usize
            } else {
                first
                    .iter()
                    .rev()
                    .find(|(start, _)| *start <= distance)
                    .map_or(last, |b| b.1)
            };
            assert_eq!(buckets.bucket(-distance), expected, "distance {distance}");
        }
    }

    #[test]
    fn bidirectional_buckets_are_the_golden_table() {
        assert_table(buckets(true), 8, &BIDIRECTIONAL, 15);
    }

    #[test]
    fn causal_buckets_are_the_golden_table() {
        assert_table(buckets(false), 16, &CAUSAL, 31);
    }

    #[test]
    fn bucket_is_symmetric_when_bidirectional() {
        for distance in 1..1_000 {
            let buckets = buckets(true);
            assert_eq!(buckets.bucket(distance), buckets.bucket(-distance) + 16);
        }
    }

    #[test]
    fn causal_future_falls_into_bucket_zero() {
        assert!((0..1_000).all(|distance| buckets(false).bucket(distance) == 0));
    }
}
