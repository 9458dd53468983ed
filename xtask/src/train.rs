//! `cargo xtask train` and `cargo xtask devices`: build the program for the device asked for, then become it.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::device::{self, Device};
use crate::process::replace;

/// Runs `lamplight train ARGUMENTS` in a release build that has the device of `--device` compiled in.
pub fn train(arguments: &[String]) -> Result<()> {
    let device = device_argument(arguments)?;
    let mut command = lamplight(device.as_slice())?;
    command
        .arg("train")
        .args(arguments.iter().skip_while(|argument| *argument == "--"));
    replace(command)
}

/// Runs `lamplight devices` in a release build that has these devices compiled in.
pub fn devices(devices: &[Device]) -> Result<()> {
    let mut command = lamplight(devices)?;
    command.arg("devices");
    replace(command)
}

/// The last `--device D` or `--device=D`, as the program itself reads it.
fn device_argument(arguments: &[String]) -> Result<Option<Device>> {
    let mut device = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let value = match argument.strip_prefix("--device") {
            Some("") => rest
                .next()
                .context("`--device` wants a value, such as `--device cuda`")?,
            Some(value) if value.starts_with('=') => &value[1..],
            _ => continue,
        };
        if device.is_some() {
            bail!("`--device` is given twice");
        }
        device = Some(value.parse()?);
    }
    Ok(device)
}

fn lamplight(devices: &[Device]) -> Result<Command> {
    let mut command = Command::new("cargo");
    command.args([
        "run",
        "--release",
        "--package",
        "lamplight",
        "--manifest-path",
    ]);
    command.arg(crate::root()?.join("Cargo.toml"));
    if let Some(features) = device::features(devices, "") {
        command.args(["--features", &features]);
    }
    command.arg("--");
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device_of(line: &str) -> Result<Option<Device>> {
        let arguments: Vec<String> = line.split_whitespace().map(String::from).collect();
        device_argument(&arguments)
    }

    #[test]
    fn the_device_is_found_in_both_spellings() {
        let cuda = Some("cuda:1".parse().unwrap());
        assert_eq!(
            device_of("recipe.toml --device cuda:1 --set a.b=c").unwrap(),
            cuda
        );
        assert_eq!(device_of("--device=cuda:1").unwrap(), cuda);
        assert_eq!(device_of("recipe.toml").unwrap(), None);
    }

    #[test]
    fn a_device_without_value_unknown_or_given_twice_is_refused() {
        assert!(device_of("--device").is_err());
        assert!(device_of("--device tpu").is_err());
        assert!(device_of("--device flex --device cuda").is_err());
    }

    #[test]
    fn a_longer_option_is_not_the_device() {
        assert_eq!(device_of("--devices tpu").unwrap(), None);
    }
}
