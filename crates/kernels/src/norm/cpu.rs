use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use super::{NormForm, NormSettings, Normed};
use crate::host::Host;
use crate::{CHUNK, simd};

/// Rows that a thread takes at a time; whatever the threads, sums over rows are added up in the same order.
fn rows_of_chunk(width: usize) -> usize {
    (CHUNK / width.max(1)).max(1)
}

/// What a row is normed by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    mean: f32,
    /// One over the root of the variance.
    factor: f32,
}

impl<B: Host> NormForm for B {
    /// Of each row.
    type Moments = Arc<[Moments]>;

    fn forward(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        _has_beta: bool,
        settings: NormSettings,
    ) -> (FloatTensor<Self>, Normed<Self>) {
        let [input, gamma, beta] = [input, gamma, beta].map(B::dense);
        let (output, moments) = forward::<B>(&input, &gamma, &beta, settings);
        let normed = Normed {
            input,
            gamma,
            moments: moments.into(),
            is_centered: settings.is_centered,
        };
        (output, normed)
    }

    fn backward(
        normed: Normed<Self>,
        from_above: FloatTensor<Self>,
        wants_beta: bool,
    ) -> [Option<FloatTensor<Self>>; 3] {
        let [of_input, of_gamma, of_beta] = backward::<B>(&normed, &B::dense(from_above));
        [
            Some(of_input),
            Some(of_gamma),
            wants_beta.then_some(of_beta),
        ]
    }
}

/// Of dense tensors.
fn forward<B: Host>(
    input: &FloatTensor<B>,
    gamma: &FloatTensor<B>,
    beta: &FloatTensor<B>,
    settings: NormSettings,
) -> (FloatTensor<B>, Vec<Moments>) {
    let (input, gamma, beta) = (B::view(input), B::view(gamma), B::view(beta));
    let (rows, width) = (input.shape[0], input.shape[1].max(1));
    let elements = &input.elements[..rows * width];
    let (gamma, beta) = (&gamma.elements[..width], &beta.elements[..width]);
    let mut output = vec![0.0; elements.len()];
    let mut moments = vec![Moments::default(); rows];
    let chunk = rows_of_chunk(width);
    let chunks = (elements.par_chunks(chunk * width))
        .zip(output.par_chunks_mut(chunk * width))
        .zip(moments.par_chunks_mut(chunk));
    chunks.for_each(|((input, output), moments)| {
        simd::vectorized(
            #[inline(always)]
            || {
                let rows = input
                    .chunks_exact(width)
                    .zip(output.chunks_exact_mut(width));
                for ((input, output), moments) in rows.zip(moments.iter_mut()) {
                    *moments = moments_of(input, settings);
                    let columns = input.iter().zip(gamma).zip(beta);
                    for (output, ((element, gamma), beta)) in output.iter_mut().zip(columns) {
                        *output = (element - moments.mean) * moments.factor * gamma + beta;
                    }
                }
            },
        );
    });
    (B::tensor(output, &input.shape), moments)
}

#[inline(always)]
fn moments_of(row: &[f32], settings: NormSettings) -> Moments {
    let width = row.len() as f32;
    let mean = match settings.is_centered {
        true => simd::sum(row, |element| element) / width,
        false => 0.0,
    };
    let variance = simd::sum(row, |element| (element - mean) * (element - mean)) / width;
    let factor = 1.0 / (variance + settings.epsilon as f32).sqrt();
    Moments { mean, factor }
}

/// The gradients of input, gamma and beta.
fn backward<B: Host>(normed: &Normed<B>, from_above: &FloatTensor<B>) -> [FloatTensor<B>; 3] {
    let (moments, is_centered) = (&normed.moments, normed.is_centered);
    let (input, gamma) = (B::view(&normed.input), B::view(&normed.gamma));
    let from_above = B::view(from_above);
    let (rows, width) = (input.shape[0], input.shape[1].max(1));
    let (elements, from_above) = (
        &input.elements[..rows * width],
        &from_above.elements[..rows * width],
    );
    let gamma = &gamma.elements[..width];
    let mut of_input = vec![0.0; elements.len()];
    let chunk = rows_of_chunk(width);
    let chunks = (elements.par_chunks(chunk * width))
        .zip(from_above.par_chunks(chunk * width))
        .zip(of_input.par_chunks_mut(chunk * width))
        .zip(moments.par_chunks(chunk));
    let sums: Vec<[Vec<f32>; 2]> = chunks
        .map(|(((input, from_above), of_input), moments)| {
            let mut sums = [vec![0.0; width], vec![0.0; width]];
            let [of_gamma, of_beta] = &mut sums;
            simd::vectorized(
                #[inline(always)]
                || {
                    let rows = input
                        .chunks_exact(width)
                        .zip(from_above.chunks_exact(width));
                    let rows = rows.zip(of_input.chunks_exact_mut(width)).zip(moments);
                    for (((input, from_above), of_input), moments) in rows {
                        let row = Row {
                            input,
                            from_above,
                            moments: *moments,
                        };
                        row.add_to_parameters(of_gamma, of_beta);
                        row.backward(gamma, of_input, is_centered);
                    }
                },
            );
            sums
        })
        .collect();
    let total = |which: usize| {
        let mut total = vec![0.0; width];
        for sums in &sums {
            for (total, sum) in total.iter_mut().zip(&sums[which]) {
                *total += sum;
            }
        }
        B::tensor(total, &[width])
    };
    [B::tensor(of_input, &input.shape), total(0), total(1)]
}

struct Row<'a> {
    input: &'a [f32],
    from_above: &'a [f32],
    moments: Moments,
}

impl Row<'_> {
    #[inline(always)]
    fn add_to_parameters(&self, of_gamma: &mut [f32], of_beta: &mut [f32]) {
        let Moments { mean, factor } = self.moments;
        let columns = self.input.iter().zip(self.from_above);
        let sums = of_gamma.iter_mut().zip(of_beta);
        for ((of_gamma, of_beta), (element, from_above)) in sums.zip(columns) {
            *of_gamma += from_above * ((element - mean) * factor);
            *of_beta += from_above;
        }
    }

    /// `factor * (g - mean(g) - normed * mean(g * normed))`, where g is the gradient of the normed row.
    #[inline(always)]
    fn backward(&self, gamma: &[f32], of_input: &mut [f32], is_centered: bool) {
        let Moments { mean, factor } = self.moments;
        for ((of_input, from_above), gamma) in of_input.iter_mut().zip(self.from_above).zip(gamma) {
            *of_input = from_above * gamma;
        }
        let width = of_input.len() as f32;
        let mean_gradient = match is_centered {
            true => simd::sum(of_input, |gradient| gradient) / width,
            false => 0.0,
        };
        // The sum of g times normed is that of g times the input, less the mean's share.
        let product = simd::dot(of_input, self.input) / width - mean * mean_gradient;
        let slope = product * factor * factor;
        for (of_input, element) in of_input.iter_mut().zip(self.input) {
            *of_input = (*of_input - mean_gradient - (element - mean) * slope) * factor;
        }
    }
}
