use std::collections::BTreeSet;

use lamplight_layers::precision::Precision;

use crate::outputs::{Output, Values};
use crate::{ParityError, Run};

/// Relative error of results in f32.
pub const F32_TOLERANCE: f32 = 1e-4;

/// How many times as far off as the reference's own run in bf16 ours may be: two runs that round at other places differ
/// by that much.
const BF16_FACTOR: f32 = 2.0;

/// Inputs that are floats and so look like outputs.
const FLOAT_INPUTS: [&str; 2] = ["gumbel", "weights"];

/// What else a case may record: calls of `generate`, a reading of a config that has changed, and a state that T5's heads
/// do not give out.
const OTHER_OUTPUTS: [&str; 3] = ["gen.", "logits_v4_unscaled", "encoder_last_hidden_state"];

/// How far a tensor is from the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The reference's name of it.
    pub name: String,
    /// The largest difference of two elements.
    pub difference: f32,
    /// The error as a share of what is allowed: above 1 it is too large.
    pub share: f32,
}

impl Comparison {
    /// Whether the tensor is as close as it must be.
    pub fn is_close(&self) -> bool {
        self.share <= 1.0
    }
}

/// Compares outputs with what the case records.
pub(crate) fn compare(run: &Run<'_>, outputs: &[Output]) -> Result<Vec<Comparison>, ParityError> {
    let computed: BTreeSet<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
    let is_missing = |name: &&str| {
        let is_of_the_pass = !OTHER_OUTPUTS.iter().any(|prefix| name.starts_with(prefix));
        is_of_the_pass && !FLOAT_INPUTS.contains(name) && !computed.contains(name)
    };
    let missing = run.expected.float_names().filter(is_missing);
    let names: Vec<String> = missing.map(str::to_owned).collect();
    match names.is_empty() {
        true => outputs.iter().map(|output| one(run, output)).collect(),
        false => Err(ParityError::NotCompared {
            case: run.case.path.clone(),
            names,
        }),
    }
}

fn one(run: &Run<'_>, output: &Output) -> Result<Comparison, ParityError> {
    let (name, expected) = (&output.name, run.expected);
    let check_shape = |reference: &[usize]| {
        // Hugging Face's scalars have no axis, ours have one.
        match reference.is_empty() || output.shape == reference {
            true => Ok(()),
            false => Err(ParityError::Misshapen {
                case: run.case.path.clone(),
                name: name.clone(),
                ours: output.shape.clone(),
                reference: reference.to_vec(),
            }),
        }
    };
    let (difference, share) = match &output.values {
        Values::Ints(values) => {
            let (shape, reference) = expected.ints(name)?;
            check_shape(shape)?;
            let differences = values.iter().zip(reference).map(|(a, b)| a.abs_diff(*b));
            let largest = differences.max().unwrap_or(0);
            let share = if largest == 0 { 0.0 } else { f32::INFINITY };
            (largest as f32, share)
        }
        Values::Floats(values) => {
            let (shape, reference) = expected.floats(name)?;
            check_shape(shape)?;
            let share = match run.precision {
                Precision::F32 => {
                    let noise = 10.0 * expected.noise(name);
                    furthest(values, reference, F32_TOLERANCE, noise).share
                }
                Precision::Bf16 => {
                    relative_error(values, reference) / (BF16_FACTOR * expected.bf16_error(name))
                }
            };
            (largest_difference(values, reference), share)
        }
    };
    Ok(Comparison {
        name: name.clone(),
        difference,
        share,
    })
}

/// The element that is furthest off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Furthest {
    /// Where it stands.
    pub index: usize,
    /// Its error as a share of what is allowed.
    pub share: f32,
}

/// The element whose error is the largest share of `max(tolerance * max(|reference|, scale), noise)`, where `scale` is
/// the root mean square of the reference, so that small elements of large tensors count by what matters.
///
/// # Panics
/// The numbers of elements differ.
pub fn furthest(values: &[f32], reference: &[f32], tolerance: f32, noise: f32) -> Furthest {
    assert_eq!(values.len(), reference.len(), "elements");
    let scale = root_mean_square(reference.iter().copied());
    let shares = values.iter().zip(reference).map(|(value, reference)| {
        let allowed = (tolerance * reference.abs().max(scale)).max(noise);
        or_infinite((value - reference).abs() / allowed.max(f32::MIN_POSITIVE))
    });
    let furthest = shares.enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
    let (index, share) = furthest.unwrap_or_default();
    Furthest { index, share }
}

/// The root mean square of the difference as a share of that of the reference.
fn relative_error(values: &[f32], reference: &[f32]) -> f32 {
    let differences = values.iter().zip(reference).map(|(a, b)| a - b);
    let scale = root_mean_square(reference.iter().copied());
    or_infinite(root_mean_square(differences) / scale.max(f32::MIN_POSITIVE))
}

fn largest_difference(values: &[f32], reference: &[f32]) -> f32 {
    let differences = values.iter().zip(reference);
    let differences = differences.map(|(a, b)| or_infinite((a - b).abs()));
    differences.fold(0.0, f32::max)
}

fn root_mean_square(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len().max(1) as f64;
    let squares: f64 = values.map(|value| f64::from(value).powi(2)).sum();
    (squares / count).sqrt() as f32
}

/// What is no number is off by any measure.
fn or_infinite(error: f32) -> f32 {
    if error.is_nan() { f32::INFINITY } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_element_is_found_relative_to_what_matters() {
        // The root mean square is 5, so the small element may be off by as much as one of 5.
        let found = furthest(&[7.0001, 0.1], &[7.0, 0.0], 1e-2, 0.0);
        assert_eq!(found.index, 1);
        assert!((found.share - 2.02).abs() < 0.01, "{}", found.share);
    }

    #[test]
    fn noise_widens_what_is_allowed_and_nothing_is_close_to_no_number() {
        assert!(furthest(&[1.5], &[1.0], 1e-4, 1.0).share < 1.0);
        assert_eq!(
            furthest(&[f32::NAN], &[1.0], 1e-4, 1.0).share,
            f32::INFINITY
        );
        assert_eq!(relative_error(&[f32::NAN], &[1.0]), f32::INFINITY);
        assert_eq!(largest_difference(&[f32::NAN], &[1.0]), f32::INFINITY);
    }

    #[test]
    fn the_relative_error_is_that_of_the_whole_tensor() {
        assert!((relative_error(&[3.3, 4.4], &[3.0, 4.0]) - 0.1).abs() < 1e-6);
    }
}
