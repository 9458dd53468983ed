use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rayon::prelude::*;

use crate::CHUNK;
use crate::random::{draw_seed, generator};

/// Values of a draw.
const NUM_DRAWS: f64 = 65536.0;

/// Draws 16 bits for each element.
pub fn dropout_mask<const D: usize>(shape: [usize; D], prob: f64, device: &Device) -> Tensor<D> {
    let num_dropped = (prob * NUM_DRAWS).round();
    let scale = (NUM_DRAWS / (NUM_DRAWS - num_dropped)) as f32;
    let num_dropped = num_dropped as u32;
    let mut mask = vec![0.0_f32; shape.iter().product()];
    let seed = draw_seed(device);
    let chunks = mask.par_chunks_mut(CHUNK).enumerate();
    chunks.for_each(|(chunk, mask)| {
        let mut bytes = vec![0; 2 * mask.len()];
        generator(seed, chunk).fill_bytes(&mut bytes);
        for (element, bytes) in mask.iter_mut().zip(bytes.chunks_exact(2)) {
            let draw = u32::from(u16::from_le_bytes([bytes[0], bytes[1]]));
            *element = if draw < num_dropped { 0.0 } else { scale };
        }
    });
    Tensor::from_data(TensorData::new(mask, shape), device)
}
