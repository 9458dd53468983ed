//! Generators for the threads of a processor, whose seed comes from the device, so that `Device::seed` still
//! decides everything.

use burn::tensor::{Device, Distribution, Tensor};
use rand::SeedableRng;
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
