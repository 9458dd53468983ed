use std::ops::Range;

use burn::backend::tensor::FloatTensor;
use faer::linalg::matmul::matmul;
use faer::prelude::ReborrowMut;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::{Inputs, MASKED_SCORE, Normalizer};
use crate::host::{Head, Host, View};
use crate::random::{Dropping, generator};
use crate::simd;

/// Scores that are held at a time; they and their gradient fit the second-level cache of a core.
const TILE: usize = 1 << 15;
/// Queries of a tile at least.
const LEAST_QUERIES: usize = 16;
/// Multiply-adds of the scores that a thread takes at least.
const LEAST_WORK: usize = 1 << 15;

/// The inputs as views, with their sizes.
pub(super) struct Problem<'a> {
    pub query: View<'a>,
    pub key: View<'a>,
    pub value: View<'a>,
    pub bias: View<'a>,
    mask: View<'a>,
    pub scale: f32,
    dropping: Option<Dropping>,
    seed: u64,
}

impl<B: Host> Inputs<B> {
    /// All as [`Host::view`] can see them.
    pub fn visible(self) -> Self {
        Self {
            query: B::visible_rows(self.query),
            key: B::visible_rows(self.key),
            value: B::visible_rows(self.value),
            bias: B::visible_rows(self.bias),
            mask: B::visible_rows(self.mask),
            ..self
        }
    }

    pub fn problem(&self) -> Problem<'_> {
        let dropout = self.settings.dropout;
        Problem {
            query: B::view(&self.query),
            key: B::view(&self.key),
            value: B::view(&self.value),
            bias: B::view(&self.bias),
            mask: B::view(&self.mask),
            scale: self.settings.scale as f32,
            dropping: (dropout > 0.0).then(|| Dropping::new(dropout)),
            seed: self.seed,
        }
    }
}

/// The context, and the normalizers `[batch, heads, target]` of the softmaxes.
pub fn forward<B: Host>(inputs: &Inputs<B>) -> (FloatTensor<B>, Vec<Normalizer>) {
    let problem = inputs.problem();
    let [batch, heads, target, head_dim] = problem.sizes();
    let shape = [batch, target, heads, head_dim];
    let mut context = vec![0.0; shape.iter().product()];
    let mut normalizers = vec![Normalizer::default(); batch * heads * target];
    let jobs = heads_of(&mut context, shape).into_par_iter();
    jobs.zip(normalizers.par_chunks_mut(target.max(1)))
        .with_min_len(problem.heads_of_a_thread())
        .for_each_init(Vec::new, |buffers, ((head, context), normalizers)| {
            problem.forward_head(head, context, normalizers, buffers);
        });
    (B::tensor(context, &shape), normalizers)
}

impl Problem<'_> {
    /// Batch, heads, target, width of a head.
    pub fn sizes(&self) -> [usize; 4] {
        std::array::from_fn(|axis| self.query.shape[axis])
    }

    pub fn source(&self) -> usize {
        self.key.shape[2]
    }

    /// Fewer are not worth a thread.
    pub fn heads_of_a_thread(&self) -> usize {
        let [_, _, target, head_dim] = self.sizes();
        let work = (target * self.source() * head_dim).max(1);
        LEAST_WORK.div_ceil(work)
    }

    /// The queries of each tile.
    pub fn tiles(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let [_, _, target, _] = self.sizes();
        let queries = (TILE / self.source().max(1)).max(LEAST_QUERIES);
        (0..target)
            .step_by(queries)
            .map(move |start| start..(start + queries).min(target))
    }

    fn forward_head(
        &self,
        head: Head,
        mut context: MatMut<'_, f32>,
        normalizers: &mut [Normalizer],
        buffers: &mut Vec<f32>,
    ) {
        let (source, value) = (self.source(), self.value.matrix(head));
        for queries in self.tiles() {
            let [weights, factors] = tile_buffers(buffers, queries.len() * source);
            self.scores(head, queries.clone(), weights);
            let drops = self.fill_factors(head, &queries, factors);
            simd::vectorized(
                #[inline(always)]
                || {
                    let rows = weights.chunks_exact_mut(source.max(1));
                    for (row, normalizer) in rows.zip(&mut normalizers[queries.clone()]) {
                        *normalizer = softmax(row);
                    }
                    if drops {
                        multiply(weights, factors);
                    }
                },
            );
            let weights = MatRef::from_row_major_slice(weights, queries.len(), source);
            let context = context.rb_mut().subrows_mut(queries.start, queries.len());
            set_product(context, weights, value, 1.0);
        }
    }

    /// `scale * query key^T + bias + mask` of some queries, `[queries, source]`.
    pub fn scores(&self, head: Head, queries: Range<usize>, scores: &mut [f32]) {
        let source = self.source();
        let query = self.query.matrix(head);
        let query = query.subrows(queries.start, queries.len());
        let key = self.key.matrix(head).transpose();
        let product = MatMut::from_row_major_slice_mut(&mut *scores, queries.len(), source);
        set_product(product, query, key, self.scale);
        let Head { batch, head } = head;
        let (bias_batch, mask_batch) = (batch % self.bias.shape[0], batch % self.mask.shape[0]);
        simd::vectorized(
            #[inline(always)]
            || {
                let rows = scores.chunks_exact_mut(source.max(1));
                for (query, row) in queries.clone().zip(rows) {
                    let (bias_row, first) = self.bias_place(query);
                    let bias = &self.bias.row((bias_batch, head, bias_row))[first..];
                    let mask = self.mask.row((mask_batch, head, query));
                    for ((score, bias), mask) in row.iter_mut().zip(bias).zip(mask) {
                        *score += (bias + mask).max(MASKED_SCORE);
                    }
                }
            },
        );
    }

    /// The row of a head's bias, and the place there, from which on the biases of a query lie.
    pub fn bias_place(&self, query: usize) -> (usize, usize) {
        let [_, _, target, _] = self.sizes();
        match self.bias.shape[3] == self.source() {
            true => (query, 0),
            // By distance: that to the first key of the last query is the first.
            false => (0, target - 1 - query),
        }
    }

    /// Fills the factors of dropout for a tile, the same each time; false where nothing is dropped.
    pub fn fill_factors(&self, head: Head, queries: &Range<usize>, factors: &mut [f32]) -> bool {
        let Some(dropping) = &self.dropping else {
            return false;
        };
        let [_, heads, target, _] = self.sizes();
        let part = (head.batch * heads + head.head) * target + queries.start;
        dropping.fill(generator(self.seed, part), factors);
        true
    }
}

/// Each head's matrix `[length, head_dim]` in elements of the shape `[batch, length, heads, head_dim]`.
pub(super) fn heads_of(
    elements: &mut [f32],
    [_, length, heads, head_dim]: [usize; 4],
) -> Vec<(Head, MatMut<'_, f32>)> {
    let width = heads * head_dim;
    let mut all = Vec::new();
    for (batch, elements) in elements.chunks_mut((length * width).max(1)).enumerate() {
        let mut rest = MatMut::from_row_major_slice_mut(elements, length, width);
        for head in 0..heads {
            let (matrix, others) = rest.split_at_col_mut(head_dim);
            all.push((Head { batch, head }, matrix));
            rest = others;
        }
    }
    all
}

/// `into = factor * left right`, on one thread.
pub(super) fn set_product(
    into: MatMut<'_, f32>,
    left: MatRef<'_, f32>,
    right: MatRef<'_, f32>,
    factor: f32,
) {
    matmul(into, Accum::Replace, left, right, factor, Par::Seq);
}

/// Parts of a buffer, of a size each.
pub(super) fn tile_buffers<const N: usize>(buffer: &mut Vec<f32>, size: usize) -> [&mut [f32]; N] {
    if buffer.len() < N * size {
        buffer.resize(N * size, 0.0);
    }
    let mut parts = buffer.chunks_exact_mut(size.max(1));
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// Turns scores into weights, and gives their normaliser.
#[inline(always)]
fn softmax(scores: &mut [f32]) -> Normalizer {
    let highest_score = simd::max(scores);
    let factor = 1.0 / simd::map_sum(scores, |score| simd::exp(score - highest_score));
    for weight in scores {
        *weight *= factor;
    }
    Normalizer {
        highest_score,
        factor,
    }
}

#[inline(always)]
pub(super) fn multiply(elements: &mut [f32], factors: &[f32]) {
    for (element, factor) in elements.iter_mut().zip(factors) {
        *element *= factor;
    }
}
