//! What all gradients of a step are multiplied by, found on the device, so that nobody waits for their norm.

use burn::tensor::Tensor;

/// What the joint norm of all gradients may be.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Larger norms are brought down to this one.
    pub norm: Option<f64>,
    /// Which norms are spikes, and what those are brought down to if that is less.
    pub spikes: Option<Spikes>,
}

/// Norms far above those before (ZClip, Kumar et al. 2025, section 3, the reciprocal form).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spikes {
    /// Every norm above this is one. In f32, so that host and device agree.
    pub above: f32,
    /// Mean of the norms before.
    pub mean: f64,
    /// Their variance times the square of the threshold.
    pub spread: f64,
}

impl Spikes {
    /// What a spike is brought down to: the further out it lies, the closer to the mean, so that the worst batch counts
    /// least. `None` for a norm that is no spike.
    pub fn limit(&self, norm: f32) -> Option<f64> {
        let excess = f64::from(norm) - self.mean;
        (norm > self.above).then(|| self.mean + self.spread / excess)
    }
}

impl Limits {
    /// Whether no norm is too large.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The factor `[1]` of all gradients, in f32, of a step with these `values` `[terms + 1]`: the terms of the loss, and
    /// last the norm. 1 or less, or NaN where a value is not finite.
    pub fn factor(&self, values: Tensor<1>) -> Tensor<1> {
        let is_bad = values.clone().is_finite().all().bool_not();
        let last = values.dims()[0].saturating_sub(1);
        let norm = values.narrow(0, last, 1);
        let over = |number: f64, divisor: Tensor<1>| divisor.full_like(number) / divisor;
        let factor = match self.norm {
            Some(limit) => over(limit, norm.clone().clamp_min(limit)),
            None => norm.ones_like(),
        };
        let factor = match self.spikes {
            Some(spikes) => {
                let excess = norm.clone().sub_scalar(spikes.mean);
                let limit = over(spikes.spread, excess).add_scalar(spikes.mean);
                let limit = match self.norm {
                    Some(norm) => limit.clamp_max(norm),
                    None => limit,
                };
                let is_spike = norm.clone().greater_scalar(spikes.above);
                factor.mask_where(is_spike, limit / norm)
            }
            None => factor,
        };
        factor.mask_fill(is_bad, f32::NAN)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use lamplight_testing::{assert_close, test_device};

    use super::*;

    fn factor(limits: Limits, values: &[f32]) -> f32 {
        let values = Tensor::from_floats(values, &test_device());
        limits.factor(values).into_scalar::<f32>()
    }

    #[test]
    fn a_factor_brings_a_norm_to_its_limit_and_never_raises_it() {
        let limits = Limits {
            norm: Some(1.0),
            spikes: None,
        };
        assert_eq!(factor(limits, &[3.0, 4.0]), 0.25);
        assert_eq!(factor(limits, &[3.0, 0.5]), 1.0);
        assert_eq!(factor(limits, &[3.0, 0.0]), 1.0);
        assert_eq!(factor(Limits::default(), &[3.0, 1e30]), 1.0);
    }

    #[test]
    fn a_factor_is_no_number_where_a_term_or_the_norm_is_not_finite() {
        let spikes = Spikes {
            above: 2.0,
            mean: 1.0,
            spread: 1.0,
        };
        for norm in [None, Some(1.0)] {
            for spikes in [None, Some(spikes)] {
                let limits = Limits { norm, spikes };
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    assert!(factor(limits, &[bad, 1.0, 0.5]).is_nan());
                    assert!(factor(limits, &[1.0, bad, 0.5]).is_nan());
                    assert!(factor(limits, &[1.0, 1.0, bad]).is_nan());
                }
                assert_eq!(factor(limits, &[f32::MAX, f32::MAX, 0.5]), 1.0);
            }
        }
    }

    #[test]
    fn a_spike_has_the_same_limit_on_host_and_device() {
        let spikes = Spikes {
            above: 0.75,
            mean: 0.5,
            spread: 0.06,
        };
        for clip_norm in [None, Some(0.55), Some(10.0)] {
            let limits = Limits {
                norm: clip_norm,
                spikes: Some(spikes),
            };
            for norm in [0.0, 0.3, 0.75, 0.750_000_1, 0.9, 5.0, 3e4, 1e30] {
                let lowest = |limit: f64| clip_norm.map_or(limit, |clip_norm| clip_norm.min(limit));
                let limit = spikes.limit(norm).map(lowest).or(clip_norm);
                let expected = limit.map_or(1.0, |limit| limit / f64::from(norm).max(limit));
                let found = factor(limits, &[2.0, norm]);
                assert_close("factor", &[found], &[expected as f32], 1e-6, 0.0);
            }
        }
    }
}
