//! Spans of a text, as extractive question answering predicts them.

use burn::tensor::{Int, Tensor, assert_shape};

use crate::loss::{cross_entropy, targets_and_weights};

/// Where an answer starts and ends.
#[derive(Debug, Clone)]
pub struct SpanLogits {
    /// `[batch, length]`.
    pub start: Tensor<2>,
    /// `[batch, length]`; the end is part of the answer.
    pub end: Tensor<2>,
}

impl SpanLogits {
    /// The two sides of `[batch, length, 2]`.
    ///
    /// # Panics
    /// The last axis is not 2.
    pub fn from_pairs(logits: Tensor<3>) -> Self {
        assert_shape!(logits, [_, _, 2]);
        Self {
            start: logits.clone().narrow(2, 0, 1).squeeze_dim(2),
            end: logits.narrow(2, 1, 1).squeeze_dim(2),
        }
    }

    /// The mean of the cross-entropies of the first and the last position, `[batch]` each. One at
    /// or beyond `length` does not count, as when a window lost the answer.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn loss(self, starts: Tensor<1, Int>, ends: Tensor<1, Int>) -> Tensor<1> {
        let side = |logits: Tensor<2>, positions: Tensor<1, Int>| {
            let [_, length] = logits.dims();
            let outside = length as i64;
            let (targets, weights) = targets_and_weights(positions.clamp(0, outside), outside);
            cross_entropy(logits, targets, weights).nll.mean()
        };
        (side(self.start, starts) + side(self.end, ends)) / 2.0
    }
}
