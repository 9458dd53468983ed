//! Random numbers in bulk. Burn draws one after the other on a processor, which took a fifth of a
//! training step there; here every thread draws its part, from a seed that comes from the device, so
//! that `Device::seed` still decides everything.

use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::device::is_processor;

/// Elements that are drawn from one seed.
const CHUNK: usize = 1 << 14;
/// Bits of a draw: the probabilities of a mask are rounded to one in so many.
const RESOLUTION: f64 = 65536.0;

/// A tensor of `shape` whose elements are `1 / (1 - prob)`, or with probability `prob` zero: what
/// dropout multiplies by (Srivastava et al. 2014). On a processor `prob` is rounded to a multiple of
/// 2^-16, and the scale is that of the rounded one.
pub fn dropout_mask<const D: usize>(shape: [usize; D], prob: f64, device: &Device) -> Tensor<D> {
    if !is_processor(device) {
        let kept = Distribution::Bernoulli(1.0 - prob);
        return Tensor::random(shape, kept, device) * (1.0 / (1.0 - prob));
    }
    let num_dropped = (prob * RESOLUTION).round();
    let scale = (RESOLUTION / (RESOLUTION - num_dropped)) as f32;
    let mut mask = vec![0.0_f32; shape.iter().product()];
    let seed = draw_seed(device);
    mask.par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(chunk, mask)| {
            let mut bytes = vec![0; 2 * mask.len()];
            generator(seed, chunk).fill_bytes(&mut bytes);
            for (element, bytes) in mask.iter_mut().zip(bytes.chunks_exact(2)) {
                let draw = u16::from_le_bytes([bytes[0], bytes[1]]);
                *element = if f64::from(draw) < num_dropped {
                    0.0
                } else {
                    scale
                };
            }
        });
    Tensor::from_data(TensorData::new(mask, shape), device)
}

/// An index per row from the softmax of `logits` `[rows, classes]`, in f32.
pub fn categorical(logits: Tensor<2>) -> Tensor<1, Int> {
    let device = logits.device();
    let [rows, classes] = logits.dims();
    let on_host = match is_processor(&device) {
        true => logits.clone().try_into_vec_as::<f32>().ok(),
        false => None,
    };
    let Some(values) = on_host else {
        return by_gumbel_noise(logits);
    };
    let seed = draw_seed(&device);
    let rows_of_values = values.par_chunks(classes.max(1)).enumerate();
    let drawn: Vec<i64> = rows_of_values
        .map(|(row, logits)| draw_index(logits, generator(seed, row).random()) as i64)
        .collect();
    Tensor::from_data(TensorData::new(drawn, [rows]), &device)
}

/// Keeps the logarithms finite.
const EPSILON: f64 = 1e-9;

/// The Gumbel-max trick, `argmax(logits + gumbel)` (Maddison et al. 2014, "A* Sampling").
fn by_gumbel_noise(logits: Tensor<2>) -> Tensor<1, Int> {
    let uniform = Distribution::Uniform(0.0, 1.0);
    let u = Tensor::<2>::random(logits.dims(), uniform, &logits.device());
    let u = u.cast(logits.dtype());
    let gumbel = ((u + EPSILON).log().neg() + EPSILON).log().neg();
    (logits + gumbel).argmax(1).squeeze_dim(1)
}

/// Where the distribution function of the softmax of `logits` passes `uniform`, which is in `[0, 1)`.
fn draw_index(logits: &[f32], uniform: f64) -> usize {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = logits.iter().map(|logit| (logit - highest).exp()).collect();
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let mut rest = uniform * total;
    let passed = weights.iter().position(|&weight| {
        rest -= f64::from(weight);
        rest < 0.0
    });
    // Rounding may leave a little behind the last.
    let last = || weights.iter().rposition(|&weight| weight > 0.0);
    passed.or_else(last).unwrap_or(0)
}

/// A seed from the device's generator.
fn draw_seed(device: &Device) -> u64 {
    let uniform = Distribution::Uniform(0.0, 1.0);
    let halves = Tensor::<1>::random([2], uniform, device).try_into_vec_as::<f32>();
    let halves = halves.unwrap_or_default();
    let bits = |half: &f32| (f64::from(*half) * f64::from(1 << 24)) as u64;
    halves.iter().fold(0, |seed, half| seed << 24 | bits(half))
}

/// The generator of the part with this number.
fn generator(seed: u64, part: usize) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(part as u64);
    generator
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use lamplight_testing::test_device;

    use super::*;

    #[test]
    fn a_mask_keeps_the_mean_and_drops_the_share_that_is_asked_for() {
        let device = test_device();
        device.seed(1);
        let mask = dropout_mask([1000, 300], 0.1, &device);
        let mask: Vec<f32> = mask.try_into_vec_as().unwrap();
        let num_dropped = mask.iter().filter(|&&element| element == 0.0).count();
        // Five standard deviations of 300,000 draws.
        assert!(
            (num_dropped as f64 / 3e5 - 0.1).abs() < 0.0028,
            "{num_dropped}"
        );
        let kept = mask.iter().filter(|&&element| element != 0.0);
        assert!(
            kept.into_iter()
                .all(|&element| (element - 1.0 / 0.9).abs() < 1e-4)
        );
    }

    #[test]
    fn the_seed_of_the_device_decides_and_each_draw_is_another() {
        let device = test_device();
        let draw = || -> Vec<f32> {
            dropout_mask([100, 400], 0.5, &device)
                .try_into_vec_as()
                .unwrap()
        };
        device.seed(2);
        let (first, second) = (draw(), draw());
        device.seed(2);
        assert_eq!(draw(), first);
        assert_ne!(first, second);
        // No two chunks are alike.
        assert_ne!(first[..CHUNK], first[CHUNK..2 * CHUNK]);
    }

    #[test]
    fn indices_follow_the_softmax() {
        let device = test_device();
        device.seed(3);
        let num_draws = 20_000;
        let logits = Tensor::<1>::from_data([0.0, 3.0_f32.ln()], &device);
        let drawn = categorical(logits.unsqueeze_dim::<2>(0).expand([num_draws, 2]));
        let drawn = drawn
            .into_data()
            .convert::<i64>()
            .try_to_vec::<i64>()
            .unwrap();
        let frequency = drawn.iter().sum::<i64>() as f64 / num_draws as f64;
        assert!((frequency - 0.75).abs() < 0.02, "{frequency}");
    }

    #[test]
    fn an_index_without_probability_is_never_drawn() {
        let logits = [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY];
        for uniform in [0.0, 0.5, 1.0 - f64::EPSILON] {
            assert_eq!(draw_index(&logits, uniform), 1);
        }
        assert_eq!(draw_index(&[0.0; 4], 0.5), 2);
    }
}
