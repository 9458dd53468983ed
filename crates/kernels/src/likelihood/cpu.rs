use std::sync::Arc;

use burn::backend::tensor::{FloatTensor, IntTensor};
use rayon::prelude::*;

use super::{LikelihoodForm, Scored};
use crate::host::Host;
use crate::simd;

impl<B: Host> LikelihoodForm for B {
    type Targets = Arc<[i64]>;

    fn forward(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> (FloatTensor<Self>, Scored<Self>) {
        let logits = B::dense(logits);
        let targets = B::integers(targets);
        let classes = B::view(&logits).shape[1];
        let is_class = |&target: &i64| (0..classes as i64).contains(&target);
        assert!(
            targets.iter().all(is_class),
            "a target is none of the {classes} classes"
        );
        let output = forward::<B>(&logits, &targets);
        let scored = Scored {
            logits,
            targets: targets.into(),
            output: output.clone(),
        };
        (output, scored)
    }

    fn backward(scored: Scored<Self>, from_above: FloatTensor<Self>) -> FloatTensor<Self> {
        backward::<B>(&scored, &B::dense(from_above))
    }
}

/// `[rows, 2]`: the logarithm of each normaliser, and the logit of each target.
fn forward<B: Host>(logits: &FloatTensor<B>, targets: &[i64]) -> FloatTensor<B> {
    let view = B::view(logits);
    let width = view.shape[1].max(1);
    let rows = view.elements.par_chunks_exact(width).zip(targets);
    let results = rows.flat_map_iter(|(row, &target)| {
        let log_z = simd::vectorized(
            #[inline(always)]
            || {
                let highest = simd::max(row);
                simd::sum(row, |logit| simd::exp(logit - highest)).ln() + highest
            },
        );
        [log_z, row[target as usize]]
    });
    B::tensor(results.collect(), &[targets.len(), 2])
}

fn backward<B: Host>(scored: &Scored<B>, from_above: &FloatTensor<B>) -> FloatTensor<B> {
    let (logits, output) = (B::view(&scored.logits), B::view(&scored.output));
    let (targets, from_above) = (&scored.targets, B::view(from_above));
    let width = logits.shape[1].max(1);
    let mut gradient = vec![0.0; targets.len() * width];
    let rows = (gradient.par_chunks_exact_mut(width))
        .zip(logits.elements.par_chunks_exact(width))
        .zip(output.elements.par_chunks_exact(2))
        .zip(from_above.elements.par_chunks_exact(2))
        .zip(&targets[..]);
    rows.for_each(|((((gradient, logits), output), from_above), &target)| {
        if from_above[0] != 0.0 {
            simd::vectorized(
                #[inline(always)]
                || {
                    for (gradient, logit) in gradient.iter_mut().zip(logits) {
                        *gradient = from_above[0] * simd::exp(logit - output[0]);
                    }
                },
            );
        }
        gradient[target as usize] += from_above[1];
    });
    B::tensor(gradient, &logits.shape)
}
