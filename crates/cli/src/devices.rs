//! `lamplight devices`

use std::io::Write;
use std::process::ExitCode;

use lamplight_layers::device::{available, not_compiled_in};

/// Lists what can be given as `--device`, and how to build what cannot.
pub fn run() -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for device in available() {
        write!(out, "{:<10} {}", device.choice.to_string(), device.name)?;
        if let Some(bytes) = device.memory {
            write!(out, ", {:.1} GiB", bytes as f64 / f64::from(1 << 30))?;
        }
        if let Some(driver) = device.driver {
            write!(out, ", driver {driver}")?;
        }
        writeln!(out)?;
    }
    let missing = not_compiled_in();
    if let Some(example) = missing.last() {
        let names: Vec<&str> = missing.iter().map(|backend| backend.name()).collect();
        writeln!(out, "\nnot in this build: {}", names.join(", "))?;
        let name = example.name();
        writeln!(
            out,
            "to add one: cargo build --release -p lamplight --features {name}"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
