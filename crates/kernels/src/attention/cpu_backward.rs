use std::ops::Range;

use burn::backend::tensor::FloatTensor;
use faer::linalg::matmul::matmul;
use faer::prelude::ReborrowMut;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::cpu::{Problem, heads_of, multiply, set_product, tile_buffers};
use super::{InputGradients, Inputs, Normalizer};
use crate::host::{Head, Host, View};
use crate::simd;

/// The gradients from that of the context, `[batch, target, heads, head_dim]`. Scores are computed again, tile by tile.
pub fn backward<B: Host>(
    inputs: &Inputs<B>,
    normalizers: &[Normalizer],
    gradient: FloatTensor<B>,
    has_bias: bool,
) -> InputGradients<B> {
    let gradient = B::visible_rows(B::float_swap_dims(gradient, 1, 2));
    let known = Known {
        problem: inputs.problem(),
        normalizers,
        gradient: B::view(&gradient),
    };
    let [batch, heads, target, head_dim] = known.problem.sizes();
    let query_shape = [batch, target, heads, head_dim];
    let key_shape = [batch, known.problem.source(), heads, head_dim];
    let zeros = |shape: [usize; 4]| vec![0.0; shape.iter().product()];
    let (mut query, mut key, mut value) = (zeros(query_shape), zeros(key_shape), zeros(key_shape));
    let mut bias = has_bias.then(|| vec![0.0; known.problem.bias.shape.iter().product()]);
    let queries = heads_of(&mut query, query_shape).into_iter();
    let memories = heads_of(&mut key, key_shape).into_iter();
    let memories = memories.zip(heads_of(&mut value, key_shape));
    let of_heads = queries
        .zip(memories)
        .map(|((head, query), ((_, key), (_, value)))| HeadGradients {
            head,
            query,
            key,
            value,
        });
    known.run(of_heads.collect(), bias.as_deref_mut());
    let tensor =
        |elements, shape: [usize; 4]| B::float_swap_dims(B::tensor(elements, &shape), 1, 2);
    InputGradients {
        query: tensor(query, query_shape),
        key: tensor(key, key_shape),
        value: tensor(value, key_shape),
        bias: bias.map(|elements| B::tensor(elements, &known.problem.bias.shape)),
    }
}

struct Known<'a> {
    problem: Problem<'a>,
    /// Of the forward pass.
    normalizers: &'a [Normalizer],
    /// That comes from above, `[batch, heads, target, head_dim]`.
    gradient: View<'a>,
}

/// Where the gradients of a head go, `[length, head_dim]` each; zero so far.
struct HeadGradients<'a> {
    head: Head,
    query: MatMut<'a, f32>,
    key: MatMut<'a, f32>,
    value: MatMut<'a, f32>,
}

impl Known<'_> {
    /// All heads in parallel, but for those that share their bias: they add to the same gradient, one after the other.
    fn run(&self, of_heads: Vec<HeadGradients<'_>>, bias: Option<&mut [f32]>) {
        let Some(bias) = bias else {
            let jobs = of_heads.into_par_iter();
            let jobs = jobs.with_min_len(self.problem.heads_of_a_thread());
            return jobs.for_each_init(Vec::new, |buffer, of_head| {
                self.backward_head(of_head, None, buffer);
            });
        };
        let [of_batch, heads, rows, width] =
            std::array::from_fn(|axis| self.problem.bias.shape[axis]);
        let num_groups = of_batch * heads;
        let mut groups: Vec<Vec<HeadGradients<'_>>> = Vec::new();
        groups.resize_with(num_groups, Vec::new);
        for (place, of_head) in of_heads.into_iter().enumerate() {
            groups[place % num_groups].push(of_head);
        }
        let bias = bias.par_chunks_mut((rows * width).max(1));
        let jobs = groups.into_par_iter().zip(bias);
        jobs.for_each_init(Vec::new, |buffer, (group, bias)| {
            for of_head in group {
                self.backward_head(of_head, Some(bias), buffer);
            }
        });
    }

    fn backward_head(
        &self,
        gradients: HeadGradients<'_>,
        mut bias: Option<&mut [f32]>,
        buffer: &mut Vec<f32>,
    ) {
        let HeadGradients {
            head,
            mut query,
            mut key,
            mut value,
        } = gradients;
        let (problem, source) = (&self.problem, self.problem.source());
        let (queries_of_head, keys) = (problem.query.matrix(head), problem.key.matrix(head));
        let (values, from_above) = (problem.value.matrix(head), self.gradient.matrix(head));
        for queries in problem.tiles() {
            let (start, length) = (queries.start, queries.len());
            let [weights, of_scores, factors] = tile_buffers(buffer, length * source);
            problem.scores(head, queries.clone(), weights);
            let from_above = from_above.subrows(start, length);
            let product = MatMut::from_row_major_slice_mut(&mut *of_scores, length, source);
            set_product(product, from_above, values.transpose(), 1.0);
            let drops = problem.fill_factors(head, &queries, factors);
            self.through_softmax(head, start, [weights, of_scores, factors], drops);
            let kept = if drops { &*factors } else { &*weights };
            let kept = MatRef::from_row_major_slice(kept, length, source);
            add_product(value.rb_mut(), kept.transpose(), from_above, 1.0);
            if let Some(bias) = &mut bias {
                self.add_to_bias(bias, queries.clone(), of_scores);
            }
            let of_scores = MatRef::from_row_major_slice(of_scores, length, source);
            let of_query = query.rb_mut().subrows_mut(start, length);
            set_product(of_query, of_scores, keys, problem.scale);
            let queries = queries_of_head.subrows(start, length);
            add_product(key.rb_mut(), of_scores.transpose(), queries, problem.scale);
        }
    }

    /// Adds the gradient of scores `[queries, source]` to that of their head's bias.
    fn add_to_bias(&self, bias: &mut [f32], queries: Range<usize>, of_scores: &[f32]) {
        let (problem, source) = (&self.problem, self.problem.source().max(1));
        let width = problem.bias.shape[3];
        simd::vectorized(
            #[inline(always)]
            || {
                for (query, of_scores) in queries.clone().zip(of_scores.chunks_exact(source)) {
                    let (row, first) = problem.bias_place(query);
                    let sums = bias[row * width + first..].iter_mut();
                    sums.zip(of_scores).for_each(|(sum, score)| *sum += score);
                }
            },
        );
    }

    /// From scores and the gradient of the weights to the weights and the gradient of the scores; factors become
    /// weights after dropout.
    fn through_softmax(
        &self,
        head: Head,
        start: usize,
        [weights, of_scores, factors]: [&mut [f32]; 3],
        drops: bool,
    ) {
        let source = self.problem.source().max(1);
        let [_, heads, target, _] = self.problem.sizes();
        let normalizers = &self.normalizers[(head.batch * heads + head.head) * target + start..];
        simd::vectorized(
            #[inline(always)]
            || {
                if drops {
                    multiply(of_scores, factors);
                }
                let rows = weights
                    .chunks_exact_mut(source)
                    .zip(of_scores.chunks_exact_mut(source));
                for ((weights, of_scores), normalizer) in rows.zip(normalizers) {
                    let Normalizer {
                        highest_score,
                        factor,
                    } = *normalizer;
                    for weight in &mut *weights {
                        *weight = simd::exp(*weight - highest_score) * factor;
                    }
                    // From the very weights, so that the gradient of a row sums to 0: that of a bias of the keys is
                    // nothing but this sum.
                    let mean = simd::dot(weights, of_scores);
                    for (of_score, weight) in of_scores.iter_mut().zip(&*weights) {
                        *of_score = weight * (*of_score - mean);
                    }
                }
                if drops {
                    multiply(factors, weights);
                }
            },
        );
    }
}

/// `into += factor * left right`, on one thread.
fn add_product(into: MatMut<'_, f32>, left: MatRef<'_, f32>, right: MatRef<'_, f32>, factor: f32) {
    matmul(into, Accum::Add, left, right, factor, Par::Seq);
}
