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

    /// Asserts that this step is `expected` within `tolerance`: the loss, the gradient as a whole,
    /// and the gradient of each parameter, which may be off by three times as much, or by as much
    /// of a typical one where its own is small.
    ///
    /// # Panics
    /// It is not, or one of the two has a gradient that the other lacks.
    pub fn assert_tracks(&self, expected: &Self, tolerance: StepTolerance) {
        let change = (self.loss - expected.loss).abs() / expected.loss.abs();
        let allowed = tolerance.loss;
        assert!(
            change <= allowed,
            "loss is off by {change}, allowed {allowed}"
        );
        assert!(self.gradients.keys().eq(expected.gradients.keys()));
        let norms: Vec<_> = expected.gradients.values().map(|g| norm(g)).collect();
        let whole = norm(&norms);
        let typical = whole / (norms.len() as f32).sqrt();
        let mut differences = Vec::new();
        for ((name, gradient), own) in self.gradients.iter().zip(norms) {
            let pairs = gradient.iter().zip(&expected.gradients[name]);
            let difference = norm(&pairs.map(|(a, b)| a - b).collect::<Vec<_>>());
            let allowed = tolerance.gradient * typical.max(3.0 * own);
            assert!(
                difference <= allowed,
                "gradient of `{name}`, norm {own}, is off by {difference}, allowed {allowed}"
            );
            differences.push(difference);
        }
        let (error, allowed) = (norm(&differences) / whole, tolerance.gradient);
        assert!(
            error <= allowed,
            "gradient is off by {error} of its norm, allowed {allowed}"
        );
    }
}

/// How far a step may be off, relative.
#[derive(Debug, Clone, Copy)]
pub struct StepTolerance {
    /// In the loss.
    pub loss: f32,
    /// In the gradient as a whole, by its norm.
    pub gradient: f32,
}

/// The root of the sum of squares.
fn norm(values: &[f32]) -> f32 {
    let squares = values.iter().map(|&value| f64::from(value).powi(2));
    squares.sum::<f64>().sqrt() as f32
}
