//! How often each task of a mixture is drawn (Raffel et al. 2020, section 3.5.2).

use serde::{Deserialize, Serialize};

use crate::DataError;

/// Examples-proportional mixing with a limit and a temperature. A task is drawn in whole passes, each in an order of its
/// own, for as long as training goes on: a small one is repeated, and none is ever exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mixture {
    /// Examples that a task counts with at most, K in the paper.
    pub limit: f64,
    /// 1 draws tasks in proportion to their sizes; the higher, the more alike.
    pub temperature: f64,
}

impl Default for Mixture {
    /// K = 2^21 and no temperature, as in the paper's code.
    fn default() -> Self {
        Self {
            limit: (1_u64 << 21) as f64,
            temperature: 1.0,
        }
    }
}

impl Mixture {
    /// The share of each task, from how many examples each has.
    ///
    /// # Errors
    /// [`DataError::InvalidSetting`] for a limit or temperature below 1, or not finite.
    pub fn rates(&self, num_examples: &[usize]) -> Result<Vec<f64>, DataError> {
        for (key, value) in [
            ("mixture.limit", self.limit),
            ("mixture.temperature", self.temperature),
        ] {
            if !(value >= 1.0 && value.is_finite()) {
                return Err(DataError::InvalidSetting {
                    key,
                    value: value.to_string(),
                    expected: "a number of at least 1",
                });
            }
        }
        let rate = |&num: &usize| (num as f64).min(self.limit).powf(1.0 / self.temperature);
        let rates: Vec<f64> = num_examples.iter().map(rate).collect();
        let total: f64 = rates.iter().sum();
        Ok(rates.into_iter().map(|rate| rate / total).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Training examples of the GLUE tasks: CoLA, SST-2, MRPC, QQP, STS-B, MNLI, QNLI, RTE.
    const GLUE: [usize; 8] = [8551, 67_349, 3668, 363_849, 5749, 392_702, 104_743, 2490];

    fn close(found: &[f64], expected: &[f64]) -> bool {
        let pairs = found.iter().zip(expected);
        found.len() == expected.len() && pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-9)
    }

    #[test]
    fn without_temperature_tasks_are_drawn_by_their_sizes_up_to_the_limit() {
        let total = GLUE.iter().sum::<usize>() as f64;
        let sizes = GLUE.map(|num| num as f64 / total);
        assert!(close(&Mixture::default().rates(&GLUE).unwrap(), &sizes));

        let limited = Mixture {
            limit: 65_536.0,
            ..Mixture::default()
        };
        let capped = GLUE.map(|num| num.min(65_536) as f64);
        let total: f64 = capped.iter().sum();
        assert!(close(
            &limited.rates(&GLUE).unwrap(),
            &capped.map(|num| num / total)
        ));
    }

    #[test]
    fn temperature_is_the_root_of_the_capped_size() {
        let mixture = Mixture {
            limit: 400.0,
            temperature: 2.0,
        };
        // Roots of 100, 400 (capped) and 25.
        let expected = [10.0 / 35.0, 20.0 / 35.0, 5.0 / 35.0];
        assert!(close(
            &mixture.rates(&[100, 90_000, 25]).unwrap(),
            &expected
        ));
        let hot = Mixture {
            temperature: 1e9,
            ..mixture
        };
        let rates = hot.rates(&[100, 90_000, 25]).unwrap();
        assert!(rates.iter().all(|rate| (rate - 1.0 / 3.0).abs() < 1e-6));
    }

    #[test]
    fn numbers_that_mean_nothing_are_errors_that_name_the_key() {
        for (limit, temperature, key) in [
            (0.0, 1.0, "limit"),
            (f64::NAN, 1.0, "limit"),
            (10.0, 0.5, "temperature"),
            (10.0, f64::INFINITY, "temperature"),
        ] {
            let mixture = Mixture { limit, temperature };
            let error = mixture.rates(&[1]).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
