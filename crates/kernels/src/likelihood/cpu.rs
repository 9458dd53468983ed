use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use crate::host::Host;
use crate::simd;

/// `[rows, 2]`: the logarithm of each normaliser, and the logit of each target.
pub fn forward<B: Host>(logits: &FloatTensor<B>, targets: &[i64]) -> FloatTensor<B> {
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

/// The gradient of the logits from that of the output: the softmax times the first, and the second at the target.
pub fn backward<B: Host>(
    logits: &FloatTensor<B>,
    targets: &[i64],
    output: &FloatTensor<B>,
    from_above: &FloatTensor<B>,
) -> FloatTensor<B> {
    let (logits, output, from_above) = (B::view(logits), B::view(output), B::view(from_above));
    let width = logits.shape[1].max(1);
    let mut gradient = vec![0.0; targets.len() * width];
    let rows = (gradient.par_chunks_exact_mut(width))
        .zip(logits.elements.par_chunks_exact(width))
        .zip(output.elements.par_chunks_exact(2))
        .zip(from_above.elements.par_chunks_exact(2))
        .zip(targets);
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
