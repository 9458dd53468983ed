use rayon::prelude::*;

use crate::CHUNK;
use crate::simd;

/// Chunk by chunk in the order of the chunks, so that it is the same in each run.
pub fn sum_of_squares(elements: &[f32]) -> f32 {
    let sums: Vec<f64> = elements
        .par_chunks(CHUNK)
        .map(|chunk| {
            let sum = simd::vectorized(
                #[inline(always)]
                || simd::dot(chunk, chunk),
            );
            f64::from(sum)
        })
        .collect();
    sums.iter().sum::<f64>() as f32
}
