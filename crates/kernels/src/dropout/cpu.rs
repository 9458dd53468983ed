use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use crate::CHUNK;
use crate::random::{Dropping, draw_seed, generator};

/// All threads draw.
pub fn dropout_mask<const D: usize>(shape: [usize; D], prob: f64, device: &Device) -> Tensor<D> {
    let (dropping, seed) = (Dropping::new(prob), draw_seed(device));
    let mut mask = vec![0.0_f32; shape.iter().product()];
    let chunks = mask.par_chunks_mut(CHUNK).enumerate();
    chunks.for_each(|(chunk, mask)| dropping.fill(generator(seed, chunk), mask));
    Tensor::from_data(TensorData::new(mask, shape), device)
}
