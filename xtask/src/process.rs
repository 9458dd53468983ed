//! This process, started anew or handed over.

use std::env;
use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result};

/// How the variables begin in which cargo tells a program of the package that it belongs to.
const OF_PACKAGE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Starts this program anew without what cargo told it of its package, if cargo started it. Some build scripts read the
/// same variables: with other values than from a shell they would run again, and all that depends on them be compiled again.
pub fn forget_package() -> Result<()> {
    let names = env::vars_os().map(|(name, _)| name);
    let told: Vec<_> = names.filter(|name| is_of_package(name)).collect();
    if told.is_empty() {
        return Ok(());
    }
    let mut command = Command::new(env::current_exe()?);
    command.args(env::args_os().skip(1));
    for name in told {
        command.env_remove(name);
    }
    replace(command)
}

fn is_of_package(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    OF_PACKAGE
        .iter()
        .any(|start| name.starts_with(start.as_bytes()))
}

/// Hands this process over to the command. Were it a child, an interrupt would end xtask at once and leave the child
/// writing its last checkpoint behind the prompt.
#[cfg(unix)]
pub fn replace(mut command: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).context("cannot start another program")
}

#[cfg(not(unix))]
pub fn replace(mut command: Command) -> Result<()> {
    let status = command.status().context("cannot start another program")?;
    std::process::exit(status.code().unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cargo_tells_of_the_package_is_forgotten() {
        let is_told = |name: &str| is_of_package(OsStr::new(name));
        assert!(is_told("CARGO_MANIFEST_DIR") && is_told("CARGO_PKG_VERSION_MAJOR"));
        assert!(!is_told("CARGO_TARGET_DIR") && !is_told("CARGO_HOME") && !is_told("PATH"));
    }
}
