//! Running the program and testing the workspace share every compiled dependency.
//!
//! Cargo compiles a dependency once for each set of features, and that set follows from the packages selected. A
//! feature that only the program's build enables (or lacks) would compile Burn twice.

use std::collections::BTreeSet;

use anyhow::Result;
use xshell::{Shell, cmd};

use super::Finding;

/// Compares the packages of `cargo run -p lamplight` with those of `cargo test --workspace`.
pub fn check(shell: &Shell) -> Result<Vec<Finding>> {
    let tree = |selection: &[&str]| {
        cmd!(shell, "cargo tree {selection...} --prefix none --format")
            .arg("{p} {f}")
            .quiet()
            .ignore_stderr()
            .read()
    };
    let program = tree(&["--package", "lamplight", "--edges", "normal,build"])?;
    let workspace = tree(&["--workspace", "--edges", "normal,build,dev"])?;
    Ok(compare(&program, &workspace))
}

fn compare(program: &str, workspace: &str) -> Vec<Finding> {
    let workspace = packages(workspace);
    let alone = packages(program)
        .into_iter()
        .filter(|package| !workspace.contains(package));
    let message =
        "the program is built with another set of features than the tests; make them agree";
    alone
        .map(|package| Finding::failure(package, message))
        .collect()
}

/// The lines `NAME VERSION FEATURES`, without the mark of a subtree that was printed before.
fn packages(tree: &str) -> BTreeSet<&str> {
    let lines = tree.lines().map(|line| line.trim_end_matches("(*)").trim());
    lines.filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_agree_and_packages_of_tests_alone_are_fine() {
        assert_eq!(
            compare(
                "rand v1 std (*)\nrand v1 std",
                "rand v1 std\nproptest v1 std"
            ),
            []
        );
    }

    #[test]
    fn a_set_of_features_that_tests_lack_fails() {
        let findings = compare("rand v1 std", "rand v1 std,thread_rng");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].fails);
    }
}
