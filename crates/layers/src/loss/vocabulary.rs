//! Cross-entropy over a vocabulary from the states that a model's head reads.
//!
//! The logits of all rows, and their gradient, are the largest tensors of a training step. On a
//! tape that recomputes, the head takes a chunk of rows at a time. What the loss reads of each row
//! is kept, the logits are not: the backward pass computes them again, chunk by chunk.

use std::rc::Rc;

use burn::module::Module;
use burn::tensor::{Int, Tensor, assert_shape};

use super::{CrossEntropy, SmoothedCrossEntropy, scores, smoothed_scores};
use crate::recompute::Tape;

/// Rows of a chunk. For each weight of the head a chunk takes four times as many multiply-adds as it
/// has rows, and an addition to the weight's gradient, which therefore would count with few rows. The
/// logits of so many rows are about as large as the gradient of all weights, which a step holds
/// anyway. Whatever the batch, all chunks but the last have one shape.
const ROWS_OF_CHUNK: usize = 1024;

/// A model that ends in logits over a vocabulary.
pub trait VocabularyHead: Module + 'static {
    /// The head alone: states `[rows, d_model]` to logits `[rows, vocab]`, of each row by itself.
    fn head(&self, hidden: Tensor<2>) -> Tensor<2>;
}

/// States whose targets a head is to predict.
#[derive(Debug, Clone)]
pub struct States {
    /// `[rows, d_model]`.
    pub hidden: Tensor<2>,
    /// `[rows]`.
    pub targets: Tensor<1, Int>,
    /// `[rows]`, 0 = ignored.
    pub weights: Tensor<1>,
}

impl States {
    /// [`super::cross_entropy`] of the logits of `model`, which `tape` may compute twice.
    ///
    /// # Panics
    /// The numbers of rows differ.
    pub fn cross_entropy<M: VocabularyHead>(self, model: &M, tape: &Tape) -> CrossEntropy {
        let weights = self.weights.clone();
        CrossEntropy::new(self.scores(model, tape, ROWS_OF_CHUNK, scores), weights)
    }

    /// [`super::smoothed_cross_entropy`] in the same way.
    ///
    /// # Panics
    /// As there.
    pub fn smoothed_cross_entropy<M: VocabularyHead>(
        self,
        model: &M,
        tape: &Tape,
    ) -> SmoothedCrossEntropy {
        let weights = self.weights.clone();
        let scores = self.scores(model, tape, ROWS_OF_CHUNK, smoothed_scores);
        SmoothedCrossEntropy::new(scores, weights)
    }

    /// What `score` reads of each row's logits, by chunks of so many rows on a tape that recomputes.
    fn scores<M: VocabularyHead, const N: usize>(
        self,
        model: &M,
        tape: &Tape,
        rows_of_chunk: usize,
        score: Score<N>,
    ) -> [Tensor<1>; N] {
        let [num_rows, _] = self.hidden.dims();
        assert_shape!(self.targets, [num_rows]);
        assert_shape!(self.weights, [num_rows]);
        if !tape.recomputes() || num_rows <= rows_of_chunk {
            return score(model.head(self.hidden), self.targets);
        }
        let hidden = tape.share(self.hidden);
        let silent = model.clone().no_grad();
        let model = Rc::new(model.clone());
        let chunks = (0..num_rows).step_by(rows_of_chunk).map(|start| {
            let chunk = Chunk {
                hidden: hidden.clone(),
                targets: self.targets.clone(),
                start,
                length: rows_of_chunk.min(num_rows - start),
                score,
            };
            if start + rows_of_chunk >= num_rows {
                // The backward pass begins with it.
                return chunk.scores(&*model);
            }
            let found = chunk.without_history().scores(&silent);
            let model = model.clone();
            tape.forget(found, move || chunk.scores(&*model))
        });
        let all = Tensor::cat(chunks.collect(), 1); // [N, rows]
        std::array::from_fn(|number| all.clone().narrow(0, number, 1).squeeze_dim(0))
    }
}

/// What is read of logits `[rows, vocab]` and targets `[rows]`, each `[rows]`.
type Score<const N: usize> = fn(Tensor<2>, Tensor<1, Int>) -> [Tensor<1>; N];

/// Rows that go through the head together.
#[derive(Clone)]
struct Chunk<const N: usize> {
    /// Of all rows, as are the targets.
    hidden: Tensor<2>,
    targets: Tensor<1, Int>,
    start: usize,
    length: usize,
    score: Score<N>,
}

impl<const N: usize> Chunk<N> {
    /// The same numbers, without their history.
    fn without_history(&self) -> Self {
        Self {
            hidden: self.hidden.clone().set_require_grad(false),
            ..self.clone()
        }
    }

    /// `[N, length]`.
    fn scores<M: VocabularyHead>(self, model: &M) -> Tensor<2> {
        let hidden = self.hidden.narrow(0, self.start, self.length);
        let targets = self.targets.narrow(0, self.start, self.length);
        Tensor::stack((self.score)(model.head(hidden), targets).to_vec(), 0)
    }
}

#[cfg(test)]
mod tests;
