//! Adafactor (Shazeer and Stern 2018), as T5 was trained.

use burn::tensor::{Device, Tensor};
use burn_optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};

use super::{MIN_PARAMETER_RMS, rms};

/// Added to every squared gradient, so that a second moment is never 0.
const EPSILON: f64 = 1e-30;

/// What an Adafactor needs beyond the learning rate. Its relative step is a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdafactorConfig {
    /// Decay rate of the first moment; none keeps no first moment.
    pub beta1: Option<f64>,
    /// At update `t` the second moment decays by `1 - t^-decay_exponent`.
    pub decay_exponent: f64,
    /// Limit on the root mean square of an update, before the learning rate.
    pub clip_threshold: f64,
    /// Whether the learning rate is multiplied by `max(1e-3, rms(parameter))`, for the decay too.
    pub scale_parameter: bool,
    /// The second moment is factored where both of the last two axes are at least this long.
    pub min_dim_size_to_factor: usize,
    /// Decoupled weight decay; multiplied by the scaled learning rate at each step.
    pub weight_decay: f64,
}

impl AdafactorConfig {
    /// Whether the second moment of a parameter of this shape is kept as rows and columns.
    pub(super) fn is_factored(&self, shape: &[usize]) -> bool {
        match shape {
            [.., rows, columns] => *rows.min(columns) >= self.min_dim_size_to_factor,
            _ => false,
        }
    }
}

/// The update rule of one parameter.
#[derive(Debug, Clone)]
pub struct Adafactor {
    config: AdafactorConfig,
}

/// The moments of one parameter.
#[derive(Debug, Clone)]
pub struct AdafactorState<const D: usize> {
    first: Option<Tensor<D>>,
    second: SecondMoment<D>,
    num_updates: u64,
}

#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "two handles of tensors, one enum per parameter"
)]
enum SecondMoment<const D: usize> {
    /// In the parameter's own shape.
    Full(Tensor<D>),
    /// Means over the columns `[.., rows, 1]` and over the rows `[.., 1, columns]`.
    Factored { rows: Tensor<D>, columns: Tensor<D> },
}

impl<const D: usize> SecondMoment<D> {
    fn of(squared: Tensor<D>, is_factored: bool) -> Self {
        if is_factored {
            Self::Factored {
                rows: squared.clone().mean_dim(D.saturating_sub(1)),
                columns: squared.mean_dim(D.saturating_sub(2)),
            }
        } else {
            Self::Full(squared)
        }
    }

    /// The running mean in which `self` has the weight `1 - weight` and `fresh` the weight `weight`.
    fn mix(self, fresh: Self, weight: f64) -> Self {
        let mean = |old: Tensor<D>, fresh: Tensor<D>| {
            old.mul_scalar(1.0 - weight) + fresh.mul_scalar(weight)
        };
        match (self, fresh) {
            (Self::Full(old), Self::Full(fresh)) => Self::Full(mean(old, fresh)),
            (
                Self::Factored { rows, columns },
                Self::Factored {
                    rows: fresh_rows,
                    columns: fresh_columns,
                },
            ) => Self::Factored {
                rows: mean(rows, fresh_rows),
                columns: mean(columns, fresh_columns),
            },
            (_, fresh) => fresh,
        }
    }

    /// The gradient over the root of the second moment.
    fn normalize(&self, gradient: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Full(second) => gradient / second.clone().sqrt(),
            Self::Factored { rows, columns } => {
                let mean = rows.clone().mean_dim(D.saturating_sub(2));
                gradient / (rows.clone() / mean).sqrt() / columns.clone().sqrt()
            }
        }
    }
}

impl Adafactor {
    /// A rule with these settings.
    pub fn new(config: AdafactorConfig) -> Self {
        Self { config }
    }

    /// The state after one more gradient, but for the first moment, and the clipped update that it
    /// gives at a learning rate of 1.
    fn normalized<const D: usize>(
        &self,
        gradient: Tensor<D>,
        state: Option<AdafactorState<D>>,
    ) -> (AdafactorState<D>, Tensor<D>) {
        let squared = gradient.clone().square().add_scalar(EPSILON);
        let fresh = SecondMoment::of(squared, self.config.is_factored(&gradient.dims()));
        let state = match state {
            None => AdafactorState {
                first: None,
                second: fresh,
                num_updates: 1,
            },
            Some(old) => {
                let num_updates = old.num_updates.saturating_add(1);
                let weight = (num_updates as f64).powf(-self.config.decay_exponent);
                AdafactorState {
                    first: old.first,
                    second: old.second.mix(fresh, weight),
                    num_updates,
                }
            }
        };
        let update = state.second.normalize(gradient);
        let excess = rms(update.clone()).div_scalar(self.config.clip_threshold);
        (state, update / excess.clamp_min(1.0))
    }
}

impl Optimizer for Adafactor {
    type State<const D: usize> = AdafactorState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdafactorState<D>>,
    ) -> (Tensor<D>, Option<AdafactorState<D>>) {
        let config = &self.config;
        let (mut state, update) = self.normalized(gradient, state);
        // The step size of this parameter, [1, ..].
        let size = match config.scale_parameter {
            true => rms(parameter.clone()).clamp_min(MIN_PARAMETER_RMS),
            false => Tensor::ones([1; D], &parameter.device()),
        }
        .mul_scalar(learning_rate);
        let mut update = update * size.clone();
        if let Some(beta1) = config.beta1 {
            let fresh = update.mul_scalar(1.0 - beta1);
            update = match state.first.take() {
                Some(first) => first.mul_scalar(beta1) + fresh,
                None => fresh,
            };
            state.first = Some(update.clone());
        }
        let parameter = match config.weight_decay {
            0.0 => parameter,
            decay => parameter.clone() - parameter * size.mul_scalar(decay),
        };
        (parameter - update, Some(state))
    }

    fn to_device<const D: usize>(state: AdafactorState<D>, device: &Device) -> AdafactorState<D> {
        AdafactorState {
            first: state.first.map(|first| first.to_device(device)),
            second: match state.second {
                SecondMoment::Full(second) => SecondMoment::Full(second.to_device(device)),
                SecondMoment::Factored { rows, columns } => SecondMoment::Factored {
                    rows: rows.to_device(device),
                    columns: columns.to_device(device),
                },
            },
            num_updates: state.num_updates,
        }
    }
}

impl<const D: usize> RecordState for AdafactorState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        if let Some(first) = &self.first {
            out.push_tensor(prefix, "first", first.to_data());
        }
        match &self.second {
            SecondMoment::Full(second) => out.push_tensor(prefix, "second", second.to_data()),
            SecondMoment::Factored { rows, columns } => {
                out.push_tensor(prefix, "second_rows", rows.to_data());
                out.push_tensor(prefix, "second_columns", columns.to_data());
            }
        }
        out.push_scalar(prefix, "num_updates", self.num_updates.into());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        let mut take = |leaf| {
            let data = source.take_tensor(prefix, leaf)?;
            Some(Tensor::from_data(data, device))
        };
        let first = take("first");
        let second = match (take("second"), take("second_rows"), take("second_columns")) {
            (Some(second), None, None) => SecondMoment::Full(second),
            (None, Some(rows), Some(columns)) => SecondMoment::Factored { rows, columns },
            _ => return None,
        };
        Some(Self {
            first,
            second,
            num_updates: source.take_scalar(prefix, "num_updates")?.try_into().ok()?,
        })
    }
}
