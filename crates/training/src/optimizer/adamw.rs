//! AdamW with and without bias correction, and scaled by the parameter.

use burn::tensor::{Device, Tensor};
use burn_optim::{DynState, LearningRate, Optimizer, RecordState, StateSink, StateSource};
use lamplight_kernels::adamw::{AdamWStep, AdamWTensors, Updates};
use lamplight_kernels::cards::keep;

use super::MIN_PARAMETER_RMS;

/// What an AdamW needs beyond the learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWConfig {
    /// Decay rates of the two moments.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay; multiplied by the learning rate at each step.
    pub weight_decay: f64,
    /// Whether moments are divided by `1 - beta^t`.
    pub bias_correction: bool,
    /// Whether the step, but not the decay, is multiplied by `max(1e-3, rms(parameter))`. Then epsilon
    /// is added before the bias correction, as in nanoT5.
    pub scale_parameter: bool,
}

/// The update rule of one parameter.
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

    /// Parameter and state after one more gradient, once all updates are finished. Where their factor is NaN nothing changes
    /// but the count, which [`Self::take_back`] makes up for.
    pub(super) fn update<const D: usize>(
        &self,
        learning_rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamWState<D>>,
        updates: &mut Updates,
    ) -> (Tensor<D>, AdamWState<D>) {
        let config = &self.config;
        let state = state.unwrap_or_else(|| AdamWState {
            first: keep(parameter.zeros_like()),
            second: keep(parameter.zeros_like()),
            num_updates: 0,
        });
        let num_updates = state.num_updates.saturating_add(1);
        let [correction1, correction2] = config.betas.map(|beta| match config.bias_correction {
            true => 1.0 - beta.powf(num_updates as f64),
            false => 1.0,
        });
        let step = AdamWStep {
            betas: config.betas,
            step_size: learning_rate / correction1,
            root_correction: correction2.sqrt(),
            epsilon: match config.scale_parameter {
                true => config.epsilon / correction2.sqrt(),
                false => config.epsilon,
            },
            decay: learning_rate * config.weight_decay,
            min_scale: config.scale_parameter.then_some(MIN_PARAMETER_RMS),
        };
        let old = AdamWTensors {
            parameter,
            first: state.first,
            second: state.second,
        };
        let AdamWTensors {
            parameter,
            first,
            second,
        } = updates.add(&step, old, gradient);
        let state = AdamWState {
            first,
            second,
            num_updates,
        };
        (parameter, state)
    }

    /// The state without the count of its last update, whose factor was NaN; none if there was no update before.
    ///
    /// # Panics
    /// It is the state of another rule, or of a parameter of more than four axes.
    pub(super) fn take_back(state: DynState) -> Option<DynState> {
        match state.rank() {
            1 => AdamWState::<1>::take_back(state),
            2 => AdamWState::<2>::take_back(state),
            3 => AdamWState::<3>::take_back(state),
            4 => AdamWState::<4>::take_back(state),
            rank => panic!("a parameter of {rank} axes"),
        }
    }
}

impl<const D: usize> AdamWState<D> {
    fn take_back(state: DynState) -> Option<DynState> {
        let mut state = state.downcast::<Self>();
        state.num_updates = state.num_updates.saturating_sub(1);
        (state.num_updates > 0).then(|| DynState::create(state, D))
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
        let mut updates = Updates::new(None);
        let (parameter, state) =
            self.update(learning_rate, parameter, gradient, state, &mut updates);
        updates.finish();
        (parameter, Some(state))
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
            first: keep(Tensor::from_data(
                source.take_tensor(prefix, "first")?,
                device,
            )),
            second: keep(Tensor::from_data(
                source.take_tensor(prefix, "second")?,
                device,
            )),
            num_updates: source.take_scalar(prefix, "num_updates")?.try_into().ok()?,
        })
    }
}
