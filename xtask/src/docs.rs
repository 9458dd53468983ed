//! `cargo xtask docs`: the API documentation and the book.

use anyhow::Result;
use xshell::{Shell, cmd};

/// Builds the API documentation (warnings are errors) and, where mdbook is installed, the book.
pub fn run(shell: &Shell) -> Result<()> {
    api(shell)?;
    if is_installed(shell, "mdbook") {
        cmd!(shell, "mdbook build docs").run()?;
    } else {
        println!("The book was not built: mdbook is not installed (`cargo install mdbook`).");
    }
    Ok(())
}

/// Builds the API documentation of every member.
pub fn api(shell: &Shell) -> Result<()> {
    // The release profile, so that build scripts and procedural macros are those of the other steps.
    cmd!(shell, "cargo doc --release --no-deps --workspace")
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    Ok(())
}

/// Whether a program answers on this machine.
pub fn is_installed(shell: &Shell, program: &str) -> bool {
    cmd!(shell, "{program} --version")
        .quiet()
        .ignore_stderr()
        .read()
        .is_ok()
}
