use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::Tensor;
use lamplight_layers::pretrained::{Gradient, NameTable, collect};
use lamplight_layers::recompute::Tape;

/// Loss and gradients of a training step.
#[derive(Debug, Clone)]
pub struct Step {
    /// The loss.
    pub loss: f32,
    /// By Hugging Face's names of the parameters.
    pub gradients: BTreeMap<String, Vec<f32>>,
}

impl Step {
    /// Runs the backward pass of `loss`, which `module` computed on `tape`.
    ///
    /// # Panics
    /// A parameter has no name.
    pub fn backward<M: Module>(module: &M, names: &NameTable, loss: Tensor<1>, tape: Tape) -> Self {
        let mut gradients = BTreeMap::<String, Vec<f32>>::new();
        let value = loss.clone().into_scalar();
        tape.backward(loss, |part| {
            for (name, found) in collect(module, names, &Gradient(&part)).unwrap() {
                let sum = gradients.entry(name);
                let sum = sum.or_insert_with(|| vec![0.0; found.values.len()]);
                for (sum, value) in sum.iter_mut().zip(found.values) {
                    *sum += value;
                }
            }
        });
        Self {
            loss: value,
            gradients,
        }
    }

    /// Asserts that loss and every gradient are `expected` within `tolerance`, as
    /// [`relative_error`] measures it.
    ///
    /// # Panics
    /// One is not, or one of the two has a gradient that the other lacks.
    pub fn assert_tracks(&self, expected: &Self, tolerance: f32) {
        assert!(self.gradients.keys().eq(expected.gradients.keys()));
        if std::env::var_os("DEBUG_TRACK").is_some() {
            let all = |s: &Self| {
                s.gradients
                    .values()
                    .flatten()
                    .copied()
                    .collect::<Vec<f32>>()
            };
            eprintln!(
                "loss {} total {}",
                relative_error(&[self.loss], &[expected.loss]),
                relative_error(&all(self), &all(expected))
            );
            let mut e: Vec<_> = self
                .gradients
                .iter()
                .map(|(n, g)| (relative_error(g, &expected.gradients[n]), n))
                .collect();
            e.sort_by(|a, b| b.0.total_cmp(&a.0));
            for (e, n) in e.iter().take(6) {
                eprintln!("   {e} {n}");
            }
            return;
        }
        assert_tracks("loss", &[self.loss], &[expected.loss], tolerance);
        for (name, gradient) in &self.gradients {
            assert_tracks(name, gradient, &expected.gradients[name], tolerance);
        }
    }
}

/// The norm of the difference over the norm of what is expected; 0 where both are 0.
///
/// # Panics
/// The lengths differ.
pub fn relative_error(actual: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(actual.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f32>| -> f64 {
        values
            .map(|value| f64::from(value).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let pairs = actual.iter().zip(expected);
    let difference = norm(&mut pairs.map(|(actual, expected)| actual - expected));
    let scale = norm(&mut expected.iter().copied());
    (difference / scale.max(f64::from(f32::MIN_POSITIVE))) as f32
}

/// Asserts that the [`relative_error`] is at most `tolerance`.
///
/// # Panics
/// It is larger.
pub fn assert_tracks(name: &str, actual: &[f32], expected: &[f32], tolerance: f32) {
    let error = relative_error(actual, expected);
    assert!(
        error <= tolerance,
        "`{name}` is off by {error} of its norm, allowed {tolerance}"
    );
}
