//! `cargo xtask gpu-suite`: everything that a machine with a GPU needs to verify, time and train, in one folder.

use std::fs;
use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, Result, bail};
use clap::Args;
use xshell::{Shell, cmd};

use crate::device::{self, Device};

const CASES: &str = "crates/testing/reference";
const RUNNER: &str = "benches/gpu_suite.py";
const PEERS: &str = "benches/peers.py";
/// Where the runner lies in the folder.
const RUNNER_NAME: &str = "run.py";
/// What the folder may weigh, so that it can be sent.
const MAX_BYTES: u64 = 64 << 20;

#[derive(Args)]
pub struct Arguments {
    /// The device to compile in beside flex
    #[arg(long, value_name = "DEVICE", default_value = "cuda")]
    device: Device,
    /// Texts to train on, about 30 MB of them, as `lamplight data prepare` takes them
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    data: Vec<PathBuf>,
    /// The folder of the tokenizer to prepare them with: of ELECTRA-small
    #[arg(long, value_name = "DIR")]
    tokenizer: PathBuf,
    /// The folder to write, which must not be there
    #[arg(long, value_name = "DIR", default_value = "target/gpu-suite")]
    output: PathBuf,
}

pub fn run(shell: &Shell, arguments: &Arguments) -> Result<()> {
    let root = crate::root()?;
    let output = &absolute(&arguments.output)?;
    if output.exists() {
        bail!("{} is there already; remove it first", output.display());
    }
    let mut options = Vec::new();
    if let Some(features) = device::features(std::slice::from_ref(&arguments.device), "lamplight/")
    {
        options.extend([String::from("--features"), features]);
    }
    cmd!(shell, "cargo build --release --workspace {options...}").run()?;
    fs::create_dir_all(output)?;
    let program = &crate::program()?;
    pack_program(shell, program, output)?;
    pack_cases(&root.join(CASES), &output.join("cases"))?;
    let data = arguments.data.iter().map(absolute);
    let data = data.collect::<std::io::Result<Vec<PathBuf>>>()?;
    let tokenizer = absolute(&arguments.tokenizer)?;
    let store = output.join("store");
    cmd!(
        shell,
        "{program} data prepare {data...} --tokenizer {tokenizer} --output {store}"
    )
    .run()?;
    fs::copy(root.join(RUNNER), output.join(RUNNER_NAME))?;
    fs::copy(root.join(PEERS), output.join("peers.py"))?;
    let bytes = size(output)?;
    println!(
        "{}: {:.1} MiB",
        output.display(),
        bytes as f64 / f64::from(1 << 20)
    );
    if bytes > MAX_BYTES {
        bail!("that is over {} MiB; take fewer texts", MAX_BYTES >> 20);
    }
    println!(
        "on the other machine: python3 {RUNNER_NAME} --device {}",
        arguments.device
    );
    Ok(())
}

/// Stripped and compressed.
fn pack_program(shell: &Shell, program: &Path, output: &Path) -> Result<()> {
    let stripped = output.join("lamplight");
    cmd!(shell, "strip -o {stripped} {program}").run()?;
    cmd!(shell, "xz --threads 0 {stripped}").run()?;
    Ok(())
}

/// The cases of a forward pass, which are those with a model and outputs.
fn pack_cases(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let case = entry?.path();
        if !case.join("expected.safetensors").is_file() {
            continue;
        }
        let name = case.file_name().context("a folder has a name")?;
        copy_folder(&case, &to.join(name))?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let copy = to.join(path.file_name().context("a file has a name")?);
        match path.is_dir() {
            true => copy_folder(&path, &copy)?,
            false => {
                fs::copy(&path, &copy)
                    .with_context(|| format!("cannot copy {}", path.display()))?;
            }
        }
    }
    Ok(())
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => size(&entry.path())?,
            false => entry.metadata()?.len(),
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_packed_with_their_parts_and_nothing_else_is() {
        let folder = std::env::temp_dir().join(format!("lamplight-suite-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        let write = |path: &str| {
            let path = from.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "four").unwrap();
        };
        write("pair/expected.safetensors");
        write("pair/generator/config.json");
        write("texts/answers.json");
        write("versions.json");
        pack_cases(&from, &to).unwrap();
        assert!(to.join("pair/generator/config.json").is_file());
        assert!(!to.join("texts").exists() && !to.join("versions.json").exists());
        assert_eq!(size(&to).unwrap(), 8);
        fs::remove_dir_all(folder).unwrap();
    }
}
