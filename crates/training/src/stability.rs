//! What is done about a step whose loss or gradient is not finite, or whose gradient is far larger
//! than those before it.

use serde::{Deserialize, Serialize};

use crate::clipping::{Limits, Spikes};
use crate::recipe::RecipeError;
use crate::recipe::check::{count, within};

/// Weight of the past in the running statistic of the gradient norm.
const DECAY: f64 = 0.97;
/// Norms that are seen before any of them can be a spike.
const NUM_WARMUP: u64 = 25;

/// `[stability]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StabilitySettings {
    /// So many steps in a row that are not finite, and the run goes back to its last checkpoint.
    pub max_skips_in_a_row: usize,
    /// So often it goes back; then it ends.
    pub max_rollbacks: usize,
    /// A gradient norm so many standard deviations above the running mean is a spike and is
    /// clipped; absent for none.
    pub spike_threshold: Option<f64>,
}

impl Default for StabilitySettings {
    fn default() -> Self {
        Self {
            max_skips_in_a_row: 5,
            max_rollbacks: 3,
            spike_threshold: None,
        }
    }
}

impl StabilitySettings {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub(crate) fn check(&self) -> Result<(), RecipeError> {
        let num_skips = self.max_skips_in_a_row;
        count("stability.max_skips_in_a_row", num_skips, 1, 1 << 20)?;
        count("stability.max_rollbacks", self.max_rollbacks, 0, 1 << 20)?;
        let threshold = self.spike_threshold.unwrap_or(1.0);
        let is_valid = threshold > 0.0 && threshold.is_finite();
        within(
            "stability.spike_threshold",
            threshold,
            is_valid,
            "positive and finite",
        )
    }
}

/// What happened so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// Steps that changed nothing.
    pub num_skipped: u64,
    /// Those since the last step that did.
    pub num_skipped_in_a_row: usize,
    /// Steps whose gradient was clipped as a spike.
    pub num_spikes: u64,
    /// How often the run went back to a checkpoint.
    pub num_rollbacks: usize,
    norm: NormStatistic,
}

/// What is to be done with a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Update the parameters.
    Update,
    /// The gradient is a spike: update with it scaled down to `limit`.
    Spike {
        /// The norm it is scaled to.
        limit: f64,
    },
    /// Change nothing.
    Skip,
    /// Change nothing and go back to the last checkpoint, leaving out the data that led here.
    RollBack,
    /// Training has diverged.
    Stop,
}

impl Stability {
    /// Judges a step by the means of its loss terms and its gradient norm.
    pub fn judge(
        &mut self,
        settings: &StabilitySettings,
        losses: &[f32],
        norm: f32,
        clip_norm: Option<f64>,
    ) -> Verdict {
        if !norm.is_finite() || losses.iter().any(|loss| !loss.is_finite()) {
            return self.skip(settings);
        }
        self.num_skipped_in_a_row = 0;
        let spikes = self.limits(settings, clip_norm).spikes;
        let limit = spikes.and_then(|spikes| spikes.limit(norm));
        self.norm.add(limit.unwrap_or(f64::from(norm)));
        match limit {
            Some(limit) => {
                self.num_spikes += 1;
                let limit = clip_norm.map_or(limit, |clip_norm| clip_norm.min(limit));
                Verdict::Spike { limit }
            }
            None => Verdict::Update,
        }
    }

    /// What the norm of the step after those judged so far may be.
    pub fn limits(&self, settings: &StabilitySettings, clip_norm: Option<f64>) -> Limits {
        let threshold = settings.spike_threshold;
        Limits {
            norm: clip_norm,
            spikes: threshold.and_then(|threshold| self.norm.spikes(threshold)),
        }
    }

    /// Counts that the run has gone back.
    pub fn rolled_back(&mut self) {
        self.num_skipped_in_a_row = 0;
        self.num_rollbacks += 1;
    }

    fn skip(&mut self, settings: &StabilitySettings) -> Verdict {
        self.num_skipped += 1;
        self.num_skipped_in_a_row += 1;
        if self.num_skipped_in_a_row < settings.max_skips_in_a_row {
            Verdict::Skip
        } else if self.num_rollbacks < settings.max_rollbacks {
            Verdict::RollBack
        } else {
            Verdict::Stop
        }
    }
}

/// Running mean and variance of the gradient norm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct NormStatistic {
    count: u64,
    mean: f64,
    variance: f64,
}

impl NormStatistic {
    fn add(&mut self, norm: f64) {
        self.count += 1;
        // A plain mean at first, exponential once there are enough.
        let weight = (1.0 / self.count as f64).max(1.0 - DECAY);
        let difference = norm - self.mean;
        self.mean += weight * difference;
        self.variance = (1.0 - weight) * (self.variance + weight * difference * difference);
    }

    /// Norms so many standard deviations above the mean; `None` while too little is known.
    fn spikes(&self, threshold: f64) -> Option<Spikes> {
        let deviation = self.variance.sqrt();
        (self.count >= NUM_WARMUP && deviation > 0.0).then_some(Spikes {
            above: (self.mean + threshold * deviation) as f32,
            mean: self.mean,
            spread: threshold * threshold * self.variance,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn settings() -> StabilitySettings {
        StabilitySettings {
            max_skips_in_a_row: 2,
            max_rollbacks: 1,
            spike_threshold: Some(4.0),
        }
    }

    fn judge(stability: &mut Stability, norm: f32) -> Verdict {
        stability.judge(&settings(), &[1.0], norm, Some(1.0))
    }

    #[test]
    fn a_loss_or_norm_that_is_not_finite_skips_then_goes_back_then_stops() {
        let mut stability = Stability::default();
        assert_eq!(judge(&mut stability, 1.0), Verdict::Update);
        assert_eq!(judge(&mut stability, f32::NAN), Verdict::Skip);
        assert_eq!(judge(&mut stability, 1.0), Verdict::Update);
        let bad_loss = stability.judge(&settings(), &[1.0, f32::INFINITY], 1.0, None);
        assert_eq!(bad_loss, Verdict::Skip);
        assert_eq!(judge(&mut stability, f32::INFINITY), Verdict::RollBack);
        stability.rolled_back();
        assert_eq!(judge(&mut stability, f32::NAN), Verdict::Skip);
        assert_eq!(judge(&mut stability, f32::NAN), Verdict::Stop);
        assert_eq!((stability.num_skipped, stability.num_rollbacks), (5, 1));
    }

    #[test]
    fn a_spike_is_clipped_near_the_mean_and_hardly_moves_the_statistic() {
        let mut stability = Stability::default();
        for index in 0..50 {
            let norm = 0.5 + 0.01 * (index % 5) as f32;
            assert_eq!(judge(&mut stability, norm), Verdict::Update);
        }
        let Verdict::Spike { limit } = judge(&mut stability, 5000.0) else {
            panic!("no spike");
        };
        assert!((0.5..0.6).contains(&limit), "{limit}");
        assert_eq!(judge(&mut stability, 0.53), Verdict::Update);
        assert_eq!(stability.num_spikes, 1);
    }

    #[test]
    fn the_state_survives_json_to_the_last_bit() {
        let mut stability = Stability::default();
        for index in 1..100 {
            judge(&mut stability, 1.0 / index as f32);
        }
        let text = serde_json::to_string(&stability).unwrap();
        assert_eq!(serde_json::from_str::<Stability>(&text).unwrap(), stability);
    }
}
