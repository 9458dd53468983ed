//! AdamW with and without bias correction.

use burn::tensor::{Device, Tensor};
use burn_optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};

use super::AdamWConfig;

/// The update rule of one parameter; wrap it in a `ModuleOptimizer`.
///
/// With bias correction it computes what PyTorch's `AdamW` does; without, what ELECTRA's optimizer
/// does: `lr * (m / (sqrt(v) + epsilon) + weight_decay * parameter)`.
#[derive(Debug, Clone)]
pub struct AdamW {
    config: AdamWConfig,
}

/// Moments of one parameter, in its own shape.
#[derive(Debug, Clone)]
pub struct AdamWState<const D: usize> {
    first: Tensor<D>,
    second: Tensor<D>,
    num_updates: u64,
}

impl AdamW {
    /// A rule with these settings.
    pub fn new(config: AdamWConfig) -> Self {
        Self { config }
    }
}

impl Optimizer for AdamW {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        let AdamWConfig {
            betas: [beta1, beta2],
            epsilon,
            weight_decay,
            bias_correction,
        } = self.config;
        let squared = gradient.clone().square().mul_scalar(1.0 - beta2);
        let fresh = gradient.mul_scalar(1.0 - beta1);
        let state = match state {
            None => AdamWState {
                first: fresh,
                second: squared,
                num_updates: 1,
            },
            Some(old) => AdamWState {
                first: old.first.mul_scalar(beta1) + fresh,
                second: old.second.mul_scalar(beta2) + squared,
                num_updates: old.num_updates + 1,
            },
        };
        let correction = |beta: f64| match bias_correction {
            true => 1.0 - beta.powf(state.num_updates as f64),
            false => 1.0,
        };
        let root = state
            .second
            .clone()
            .sqrt()
            .div_scalar(correction(beta2).sqrt());
        let step_size = learning_rate / correction(beta1);
        let update = (state.first.clone() / root.add_scalar(epsilon)).mul_scalar(step_size);
        let decay = learning_rate * weight_decay;
        let parameter = if decay == 0.0 {
            parameter
        } else {
            parameter.mul_scalar(1.0 - decay)
        };
        (parameter - update, Some(state))
    }

    fn to_device<const D: usize>(state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        AdamWState {
            first: state.first.to_device(device),
            second: state.second.to_device(device),
            num_updates: state.num_updates,
        }
    }
}

impl<const D: usize> RecordState for AdamWState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, "first", self.first.to_data());
        out.push_tensor(prefix, "second", self.second.to_data());
        out.push_scalar(prefix, "num_updates", self.num_updates.into());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        Some(Self {
            first: Tensor::from_data(source.take_tensor(prefix, "first")?, device),
            second: Tensor::from_data(source.take_tensor(prefix, "second")?, device),
            num_updates: source.take_scalar(prefix, "num_updates")?.try_into().ok()?,
        })
    }
}
