//! The losses of two runs, step by step.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What a refactoring must not change.
const COMPARED: [&str; 2] = ["loss", "gradient_norm"];
/// Steps that are listed at most.
const NUM_LISTED: usize = 20;

/// The compared values of each step of a run.
#[derive(Debug)]
pub struct Curve(Vec<Step>);

#[derive(Debug)]
struct Step {
    number: u64,
    values: [f64; COMPARED.len()],
}

impl Curve {
    /// Reads a `metrics.jsonl`; null stands for a number that is not finite.
    pub fn parse(text: &str) -> Result<Self> {
        let mut steps = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line: Value = serde_json::from_str(line)
                .with_context(|| format!("line {} of the metrics is no JSON", index + 1))?;
            if line["kind"] != "training" {
                continue;
            }
            let missing = |key| format!("line {} of the metrics has no `{key}`", index + 1);
            let number = line["step"].as_u64().with_context(|| missing("step"))?;
            let mut values = [f64::NAN; COMPARED.len()];
            for (value, key) in values.iter_mut().zip(COMPARED) {
                *value = match &line[key] {
                    Value::Null if line.get(key).is_some() => f64::NAN,
                    number => number.as_f64().with_context(|| missing(key))?,
                };
            }
            steps.push(Step { number, values });
        }
        if steps.is_empty() {
            bail!("the metrics have no step");
        }
        Ok(Self(steps))
    }
}

/// Two curves of the same steps.
#[derive(Debug)]
pub struct Comparison {
    num_steps: usize,
    last_loss: f64,
    differences: Vec<Difference>,
}

#[derive(Debug)]
struct Difference {
    step: u64,
    name: &'static str,
    before: f64,
    after: f64,
}

impl Difference {
    /// Relative to the larger of both; infinite where only one is a number.
    fn size(&self) -> f64 {
        let size = (self.before - self.after).abs() / self.before.abs().max(self.after.abs());
        if size.is_nan() { f64::INFINITY } else { size }
    }
}

impl Comparison {
    /// Compares step by step.
    ///
    /// # Errors
    /// The curves do not have the same steps.
    pub fn of(before: &Curve, after: &Curve) -> Result<Self> {
        let numbers = |curve: &Curve| curve.0.iter().map(|step| step.number).collect::<Vec<_>>();
        if numbers(before) != numbers(after) {
            let (old, new) = (before.0.len(), after.0.len());
            bail!("the runs logged other steps: {old} before, {new} now");
        }
        let mut differences = Vec::new();
        for (old, new) in before.0.iter().zip(&after.0) {
            for (index, name) in COMPARED.into_iter().enumerate() {
                let (before, after) = (old.values[index], new.values[index]);
                if before != after && !(before.is_nan() && after.is_nan()) {
                    differences.push(Difference {
                        step: new.number,
                        name,
                        before,
                        after,
                    });
                }
            }
        }
        Ok(Self {
            num_steps: after.0.len(),
            last_loss: after.0.last().map_or(f64::NAN, |step| step.values[0]),
            differences,
        })
    }

    /// Whether no relative difference is larger.
    pub fn is_within(&self, tolerance: f64) -> bool {
        self.largest() <= tolerance
    }

    fn largest(&self) -> f64 {
        self.differences
            .iter()
            .map(Difference::size)
            .fold(0.0, f64::max)
    }

    /// What is the same and what is not, for people.
    pub fn describe(&self) -> String {
        let (num_steps, loss) = (self.num_steps, self.last_loss);
        let Some(first) = self.differences.first() else {
            return format!(
                "identical: the losses and gradient norms of {num_steps} steps (last loss {loss})"
            );
        };
        let mut text = format!(
            "different from step {} on; the largest relative difference is {:.2e}\n",
            first.step,
            self.largest()
        );
        let _ = writeln!(
            text,
            "{:>6}  {:<14}{:>20}{:>20}{:>12}",
            "step", "value", "before", "now", "relative"
        );
        for difference in self.differences.iter().take(NUM_LISTED) {
            let Difference {
                step,
                name,
                before,
                after,
            } = difference;
            let size = difference.size();
            let _ = writeln!(
                text,
                "{step:>6}  {name:<14}{before:>20}{after:>20}{size:>12.2e}"
            );
        }
        if self.differences.len() > NUM_LISTED {
            let _ = writeln!(text, "… {} in all", self.differences.len());
        }
        text.trim_end().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(step: u64, loss: &str) -> String {
        format!(
            "{{\"kind\":\"training\",\"step\":{step},\"loss\":{loss},\"gradient_norm\":1.5,\"nll\":2.0}}\n"
        )
    }

    fn curve(losses: &[&str]) -> Curve {
        let lines = losses.iter().zip(1..).map(|(loss, step)| line(step, loss));
        let mut text: String = lines.collect();
        text.push_str("{\"kind\":\"evaluation\",\"step\":1,\"auc\":0.5}\n");
        Curve::parse(&text).unwrap()
    }

    #[test]
    fn equal_curves_are_identical_also_where_both_are_not_finite() {
        let comparison =
            Comparison::of(&curve(&["3.5", "null"]), &curve(&["3.5", "null"])).unwrap();
        assert!(comparison.is_within(0.0));
        let text = comparison.describe();
        assert!(
            text.starts_with("identical") && text.contains("2 steps"),
            "{text}"
        );
    }

    #[test]
    fn the_last_digit_counts_and_the_first_step_that_differs_is_named() {
        let before = curve(&["3.5", "3.25", "3.0"]);
        let after = curve(&["3.5", "3.2500000000000004", "3.3"]);
        let comparison = Comparison::of(&before, &after).unwrap();
        assert!(!comparison.is_within(0.0) && !comparison.is_within(0.05));
        assert!(comparison.is_within(0.1));
        let text = comparison.describe();
        assert!(text.contains("different from step 2 on"), "{text}");
        assert!(text.contains("9.09e-2"), "{text}");
    }

    #[test]
    fn a_number_against_none_passes_no_tolerance() {
        let comparison = Comparison::of(&curve(&["3.5"]), &curve(&["null"])).unwrap();
        assert!(!comparison.is_within(1e300));
    }

    #[test]
    fn curves_of_other_steps_and_lines_that_are_none_are_errors() {
        assert!(Comparison::of(&curve(&["1.0"]), &curve(&["1.0", "2.0"])).is_err());
        assert!(Curve::parse("").is_err());
        assert!(Curve::parse("{\"kind\":\"training\",\"step\":1}\n").is_err());
        let error = Curve::parse(&format!("{}broken\n", line(1, "1.0"))).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
