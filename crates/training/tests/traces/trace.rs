//! What all training runs share: a model follows the trace of the reference step by step.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use burn_optim::GradientsParams;
use lamplight_layers::pretrained::{NameTable, Value, collect};
use lamplight_testing::{Expected, assert_close};
use lamplight_training::clipping::Limits;
use lamplight_training::gradients::{ScaledGradients, global_norm};
use lamplight_training::optimizer::ModelOptimizer;
use lamplight_training::recipe::Recipe;

/// Relative and absolute tolerance of weights after at most [`FEW_STEPS`] steps.
const CLOSE: [f32; 2] = [1e-5, 1e-6];
/// The same after more, which amplify rounding: the f64 runs of the reference drift as far.
const DRIFTED: [f32; 2] = [1e-3, 5e-4];
const FEW_STEPS: usize = 10;
/// Absolute tolerance of the biases of keys: they move all scores of a row alike, which a softmax does not see, so that
/// their gradients are nothing but rounding, and Adam divides rounding by rounding.
const KEY_BIAS: f32 = 1e-5;

/// The slice of a trace that holds a tensor per step.
pub fn ints<const D: usize, const E: usize>(
    expected: &Expected,
    name: &str,
    step: usize,
    device: &Device,
) -> Tensor<E, Int> {
    let stacked = expected.int_tensor::<D>(name, device);
    stacked.slice_dim(0, step..step + 1).squeeze_dim(0)
}

pub fn floats<const D: usize, const E: usize>(
    expected: &Expected,
    name: &str,
    step: usize,
    device: &Device,
) -> Tensor<E> {
    let stacked = expected.float_tensor::<D>(name, device);
    stacked.slice_dim(0, step..step + 1).squeeze_dim(0)
}

pub fn scalar(tensor: Tensor<1>) -> f32 {
    tensor.into_scalar::<f32>()
}

/// A training run of the reference.
pub struct Trace<'a, M> {
    pub expected: &'a Expected,
    pub recipe: Recipe,
    pub clip_norm: Option<f64>,
    pub names: NameTable,
    pub loss: &'a dyn Fn(&M, usize) -> Tensor<1>,
}

impl<M: Module> Trace<'_, M> {
    /// Trains through the whole trace, comparing loss, gradient norm and learning rate of each step,
    /// and the weights after the last. `rename` turns our names into the trace's.
    pub fn follow(&self, mut model: M, rename: fn(&str) -> String) {
        let settings = &self.recipe.optimizer;
        let mut optimizer = ModelOptimizer::new(settings, self.names.clone(), &model).unwrap();
        let num_steps = self.expected.floats("loss").1.len();
        for step in 0..num_steps {
            let loss = (self.loss)(&model, step);
            self.assert_step("loss", step, scalar(loss.clone()), 1e-4);
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            let norm = global_norm(&model, &gradients).unwrap();
            self.assert_step("grad_norm", step, scalar(norm.clone()), 1e-3);
            let limits = Limits {
                norm: self.clip_norm,
                spikes: None,
            };
            let gradients = ScaledGradients {
                gradients,
                factor: Some(limits.factor(norm)),
            };
            let rate = self.recipe.schedule().at(step);
            if has_rates(self.expected) {
                self.assert_step("lr", step, rate as f32, 1e-6);
            }
            model = optimizer.step(rate, model, gradients);
        }
        let [tolerance, noise] = if num_steps > FEW_STEPS {
            DRIFTED
        } else {
            CLOSE
        };
        let mut num_parameters = 0;
        for (name, parameter) in collect(&model, &self.names, &Value).unwrap() {
            let name = format!("final.{}", rename(&name));
            let (shape, values) = self.expected.floats(&name);
            assert_eq!(parameter.shape, shape, "shape of `{name}`");
            let noise = match name.ends_with("key.bias") {
                true => noise.max(KEY_BIAS),
                false => noise,
            };
            assert_close(&name, &parameter.values, values, tolerance, noise);
            num_parameters += 1;
        }
        assert_eq!(self.expected.names("final.").count(), num_parameters);
    }

    fn assert_step(&self, name: &str, step: usize, actual: f32, tolerance: f32) {
        let expected = &self.expected.floats(name).1[step..=step];
        assert_close(
            &format!("{name} of step {step}"),
            &[actual],
            expected,
            tolerance,
            1e-12,
        );
    }
}

/// Whether the trace has learning rates; Hugging Face's Adafactor keeps its relative steps to itself.
pub fn has_rates(expected: &Expected) -> bool {
    expected.floats("lr").1.iter().any(|rate| *rate > 0.0)
}
