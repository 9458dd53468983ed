//! `cargo xtask check`: what CI runs, cheapest first, each step under a heading with its time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;
use xshell::{Shell, cmd};

use crate::{docs, test, tidy};

/// The steps, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum StepName {
    Fmt,
    Tidy,
    Typos,
    Clippy,
    Deny,
    Test,
    Docs,
}

enum Outcome {
    Passed,
    Skipped(String),
    Failed,
}

struct Report {
    step: StepName,
    outcome: Outcome,
    time: Duration,
}

/// Runs the steps, stops at the first that fails, and closes with a summary.
pub fn run(shell: &Shell, skip: &[StepName]) -> Result<()> {
    let mut reports = Vec::new();
    let mut failure = Ok(());
    for &step in StepName::value_variants() {
        let start = Instant::now();
        let result = if skip.contains(&step) {
            Ok(Outcome::Skipped(String::from("left out by --skip")))
        } else {
            println!("\n===== {} =====", name(step));
            perform(shell, step)
        };
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(error) => {
                failure = Err(error).with_context(|| format!("the step {} failed", name(step)));
                Outcome::Failed
            }
        };
        reports.push(Report {
            step,
            outcome,
            time: start.elapsed(),
        });
        if failure.is_err() {
            break;
        }
    }
    print_summary(&reports);
    failure
}

fn perform(shell: &Shell, step: StepName) -> Result<Outcome> {
    match step {
        StepName::Fmt => cmd!(shell, "cargo fmt --all --check").run()?,
        StepName::Tidy => tidy::run(shell)?,
        StepName::Typos => return typos(shell),
        // The release profile, so that build scripts and procedural macros are those of the other steps.
        StepName::Clippy => cmd!(
            shell,
            "cargo clippy --release --workspace --all-targets -- -D warnings"
        )
        .run()?,
        StepName::Deny => return deny(shell),
        StepName::Test => test::run(shell, &[], &[])?,
        StepName::Docs => docs::api(shell)?,
    }
    Ok(Outcome::Passed)
}

fn typos(shell: &Shell) -> Result<Outcome> {
    if !docs::is_installed(shell, "typos") {
        return Ok(missing("typos", "pip install typos"));
    }
    cmd!(shell, "typos").run()?;
    Ok(Outcome::Passed)
}

fn deny(shell: &Shell) -> Result<Outcome> {
    if !docs::is_installed(shell, "cargo-deny") {
        return Ok(missing("cargo-deny", "cargo install --locked cargo-deny"));
    }
    // Advisories come from a database on the network; these three need none.
    cmd!(shell, "cargo deny check licenses bans sources").run()?;
    Ok(Outcome::Passed)
}

fn missing(program: &str, command: &str) -> Outcome {
    println!("skipped: {program} is not installed (`{command}`)");
    Outcome::Skipped(format!("{program} is not installed: `{command}`"))
}

fn print_summary(reports: &[Report]) {
    println!("\n===== summary =====");
    for &step in StepName::value_variants() {
        match reports.iter().find(|report| report.step == step) {
            Some(report) => println!("{}", summary_line(report)),
            None => println!("{:<8}{:>9}  not run", name(step), ""),
        }
    }
}

fn summary_line(report: &Report) -> String {
    let outcome = match &report.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "FAILED",
        Outcome::Skipped(reason) => {
            return format!("{:<8}{:>9}  skipped ({reason})", name(report.step), "");
        }
    };
    format!(
        "{:<8}{:>7.1} s  {outcome}",
        name(report.step),
        report.time.as_secs_f64()
    )
}

fn name(step: StepName) -> String {
    format!("{step:?}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_line_says_step_time_and_outcome() {
        let report = Report {
            step: StepName::Fmt,
            outcome: Outcome::Passed,
            time: Duration::from_millis(1250),
        };
        assert_eq!(summary_line(&report), "fmt         1.2 s  passed");
    }

    #[test]
    fn a_skipped_step_gives_its_reason() {
        let outcome = Outcome::Skipped(String::from("no network"));
        let report = Report {
            step: StepName::Deny,
            outcome,
            time: Duration::ZERO,
        };
        assert!(summary_line(&report).ends_with("skipped (no network)"));
    }
}
