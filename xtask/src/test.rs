//! `cargo xtask test`: every test on flex, or the tests that use a device on another one.

use std::collections::BTreeSet;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::device::{self, Device};
use crate::tidy::workspace::{self, DependencyKind, Package};

/// The one variable that `lamplight_testing::test_device()` reads.
const DEVICE_VARIABLE: &str = "LAMPLIGHT_TEST_DEVICE";

/// Runs the workspace's tests on flex when no device is named, else those that use a device on each one named.
/// All the named devices share one build.
pub fn run(shell: &Shell, devices: &[Device], arguments: &[String]) -> Result<()> {
    if devices.is_empty() {
        cmd!(shell, "cargo test --release --workspace -- {arguments...}").run()?;
        return Ok(());
    }
    // The whole workspace is selected even here: choosing packages would change the features of what they share,
    // and so compile most dependencies once more.
    let mut options: Vec<String> = Vec::new();
    if let Some(features) = device::features(devices, "lamplight-testing/") {
        options.extend([String::from("--features"), features]);
    }
    for target in integration_tests_on_device(&workspace::read(shell)?) {
        options.extend([String::from("--test"), target]);
    }
    let options = &options;
    for device in devices {
        println!("\n----- tests on {device} -----");
        cmd!(
            shell,
            "cargo test --release --workspace --lib {options...} -- {arguments...}"
        )
        .env(DEVICE_VARIABLE, device.to_string())
        .run()?;
    }
    Ok(())
}

/// The integration tests of the packages that test with `lamplight-testing`.
fn integration_tests_on_device(packages: &[Package]) -> BTreeSet<String> {
    let uses_device = |package: &&Package| {
        package.dependencies.iter().any(|edge| {
            edge.kind == DependencyKind::Development && edge.name == "lamplight-testing"
        })
    };
    packages
        .iter()
        .filter(uses_device)
        .flat_map(|package| package.integration_tests.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_that_test_with_a_device_are_chosen() {
        let mut model = Package::named("lamplight-t5")
            .with_dependency("lamplight-testing", DependencyKind::Development);
        model.integration_tests = vec![String::from("parity")];
        let mut data = Package::named("lamplight-data");
        data.integration_tests = vec![String::from("files")];
        assert_eq!(
            integration_tests_on_device(&[model, data]),
            BTreeSet::from([String::from("parity")])
        );
    }
}
