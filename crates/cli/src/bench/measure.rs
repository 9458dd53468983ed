//! How long something takes.

use std::time::{Duration, Instant};

use serde::Serialize;

/// Something to time, ready to run.
pub struct Case {
    /// Which of several of a workload: of a matrix product `rows x inner x columns`.
    pub shape: Option<String>,
    /// One run. Whoever starts work on a device waits for its end, or for that of the run before.
    pub run: Box<dyn FnMut() -> anyhow::Result<()>>,
    /// Tokens that a run reads or writes.
    pub num_tokens: Option<f64>,
    /// Floating-point operations of a run.
    pub flops: Option<f64>,
}

impl Case {
    /// A case without numbers for its rates.
    pub fn new(run: impl FnMut() -> anyhow::Result<()> + 'static) -> Self {
        Self {
            shape: None,
            run: Box::new(run),
            num_tokens: None,
            flops: None,
        }
    }
}

/// Times of several runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// Seconds.
    pub median_s: f64,
    /// Seconds.
    pub best_s: f64,
    /// Runs that were timed.
    pub num_runs: usize,
}

/// Runs that warm caches up and are not timed.
const NUM_WARM_UPS: usize = 2;
/// Runs at the least, so that one bad moment does not decide.
const MIN_RUNS: usize = 5;
/// Runs at the most.
const MAX_RUNS: usize = 100;
/// After so long no further run is started.
const BUDGET: Duration = Duration::from_secs(10);

/// Times runs until there are enough of them or they have taken long enough.
pub fn time(run: &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<Timing> {
    for _ in 0..NUM_WARM_UPS {
        run()?;
    }
    let started = Instant::now();
    let mut seconds = Vec::new();
    while seconds.len() < MIN_RUNS || seconds.len() < MAX_RUNS && started.elapsed() < BUDGET {
        let run_started = Instant::now();
        run()?;
        seconds.push(run_started.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(Timing {
        median_s: median(&seconds),
        best_s: seconds[0],
        num_runs: seconds.len(),
    })
}

/// The middle of sorted values, or the mean of the two that share it.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_there() {
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }

    #[test]
    fn quick_runs_are_timed_as_often_as_allowed_and_warmed_up_first() {
        let mut num_runs = 0;
        let timing = time(&mut || {
            num_runs += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(timing.num_runs, MAX_RUNS);
        assert_eq!(num_runs, MAX_RUNS + NUM_WARM_UPS);
        assert!(timing.best_s <= timing.median_s);
    }
}
