//! Generators for the threads of a processor, whose seed comes from the device, so that `Device::seed` still
//! decides everything.

use burn::tensor::{Device, Distribution, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seed from the device's generator.
pub fn draw_seed(device: &Device) -> u64 {
    let uniform = Distribution::Uniform(0.0, 1.0);
    let halves = Tensor::<1>::random([2], uniform, device).try_into_vec_as::<f32>();
    let halves = halves.unwrap_or_default();
    let bits = |half: &f32| (f64::from(*half) * f64::from(1 << 24)) as u64;
    halves.iter().fold(0, |seed, half| seed << 24 | bits(half))
}

/// The generator of the part with this number.
pub fn generator(seed: u64, part: usize) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(part as u64);
    generator
}

/// Values of a draw of dropout.
const NUM_DRAWS: f64 = 65536.0;

/// Draws what dropout multiplies by: `1 / (1 - prob)`, or with probability `prob` zero.
#[derive(Debug, Clone, Copy)]
pub struct Dropping {
    /// Of 2^16 draws, those that drop.
    pub num_dropped: u32,
    /// The factor on what stays.
    pub scale: f32,
}

impl Dropping {
    /// `prob` is in `[0, 1)` and is rounded to a multiple of 2^-16.
    pub fn new(prob: f64) -> Self {
        let num_dropped = (prob * NUM_DRAWS).round();
        Self {
            num_dropped: num_dropped as u32,
            scale: (NUM_DRAWS / (NUM_DRAWS - num_dropped)) as f32,
        }
    }

    /// Draws 16 bits for each factor.
    pub fn fill(self, mut generator: ChaCha8Rng, factors: &mut [f32]) {
        let mut bytes = vec![0; 2 * factors.len()];
        generator.fill_bytes(&mut bytes);
        for (factor, bytes) in factors.iter_mut().zip(bytes.chunks_exact(2)) {
            let draw = u32::from(u16::from_le_bytes([bytes[0], bytes[1]]));
            *factor = if draw < self.num_dropped {
                0.0
            } else {
                self.scale
            };
        }
    }
}
