//! Loops over slices that the compiler turns into the widest vectors of the processor they run on, and the functions
//! that such loops need. All are inlined into the closure that [`vectorized`] runs.

use pulp::{Arch, Simd, WithSimd};

/// Elements that are reduced side by side, so that no sum or maximum waits for the one before.
const LANES: usize = 16;

/// Runs a closure, compiled for the widest vectors of this processor. Mark it `#[inline(always)]`.
pub fn vectorized<R>(closure: impl FnMut() -> R) -> R {
    Arch::new().dispatch(Vectorized(closure))
}

struct Vectorized<F>(F);

impl<R, F: FnMut() -> R> WithSimd for Vectorized<F> {
    type Output = R;

    // By reference: a call by value goes through a shim that is not inlined, and the closure stays as it was compiled.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

/// `e^x` to about 2 units in the last place; 0 below -87.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // x = n ln 2 + r, ln 2 in two parts (Cody and Waite 1980); e^r by a polynomial on [-0.35, 0.35] (Cephes).
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding it rounds to the next integer, which then stands in the last bits; subtracting it gives that as a number.
    const ROUNDING: f32 = 12_582_912.0;
    const ONE: u32 = 127;
    let clamped = x.clamp(-87.3, 88.3);
    let rounded = clamped * std::f32::consts::LOG2_E + ROUNDING;
    let n = rounded - ROUNDING;
    let r = clamped - n * LN_2_HIGH - n * LN_2_LOW;
    let mut series = 1.987_569_2e-4;
    for coefficient in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        0.166_666_66,
        0.5,
    ] {
        series = series * r + coefficient;
    }
    let power = f32::from_bits(rounded.to_bits().wrapping_add(ONE) << 23);
    let value = (series * r * r + r + 1.0) * power;
    if x < -87.3 { 0.0 } else { value }
}

/// The largest element, or negative infinity.
#[inline(always)]
pub fn max(elements: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = elements.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &element) in lanes.iter_mut().zip(chunk) {
            *lane = if element > *lane { element } else { *lane };
        }
    }
    let all = lanes.iter().chain(rest);
    all.fold(f32::NEG_INFINITY, |most, &element| most.max(element))
}

/// Replaces each element by what `map` makes of its place and of it, and sums the results.
#[inline(always)]
pub fn map_sum(elements: &mut [f32], map: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = elements.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for (lane, element) in lanes.iter_mut().zip(chunk) {
            *element = map(*element);
            *lane += *element;
        }
    }
    let mut sum: f32 = lanes.iter().sum();
    for element in rest {
        *element = map(*element);
        sum += *element;
    }
    sum
}

/// The sum of what `map` makes of the elements.
#[inline(always)]
pub fn sum(elements: &[f32], map: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = elements.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &element) in lanes.iter_mut().zip(chunk) {
            *lane += map(element);
        }
    }
    let rest: f32 = rest.iter().map(|&element| map(element)).sum();
    lanes.iter().sum::<f32>() + rest
}

/// The sum of the products.
#[inline(always)]
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let ((lefts, left), (rights, right)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    for (left, right) in lefts.iter().zip(rights) {
        for (lane, (left, right)) in lanes.iter_mut().zip(left.iter().zip(right)) {
            *lane += left * right;
        }
    }
    let rest: f32 = left
        .iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_close_to_those_of_the_library() {
        for step in -8700..8800 {
            let x = step as f32 / 100.0 + 0.003;
            let (ours, theirs) = (exp(x), x.exp());
            assert!(
                (ours - theirs).abs() <= 3e-7 * theirs,
                "{x}: {ours}, {theirs}"
            );
        }
        assert_eq!(
            [exp(-1e9), exp(f32::NEG_INFINITY), exp(0.0)],
            [0.0, 0.0, 1.0]
        );
    }

    #[test]
    fn reductions_take_every_element() {
        let mut elements: Vec<f32> = (0..37).map(|place| place as f32).collect();
        assert_eq!(max(&elements), 36.0);
        assert_eq!(dot(&elements, &elements), 16206.0);
        assert_eq!(map_sum(&mut elements, |element| 2.0 * element), 1332.0);
        assert_eq!(elements[36], 72.0);
        assert_eq!(max(&[]), f32::NEG_INFINITY);
    }
}
