use super::{LogitsProcessor, Step};

/// Divides scores by the temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct Temperature {
    /// Above 0; above 1 is more even.
    pub temperature: f64,
}

impl LogitsProcessor for Temperature {
    fn process(&self, _: &Step<'_>, scores: &mut [f32]) {
        for score in scores {
            *score /= self.temperature as f32;
        }
    }
}
