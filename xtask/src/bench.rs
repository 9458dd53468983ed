//! `cargo xtask bench`: the workloads of `lamplight bench` on several devices, in turn with the same work in other
//! libraries, merged into one table.

mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::device::{self, Device};

const PROGRAM: &str = "target/release/lamplight";
const PEERS: &str = "benches/peers.py";
/// What everything else is compared with the machine's best rate of.
const MATMUL: &str = "matmul";
const WORKLOADS: [&str; 11] = [
    MATMUL,
    "t5-small-encoder",
    "t5-small-train-step",
    "t5-small-greedy-b1",
    "t5-small-greedy-b8",
    "t5-small-beam4",
    "electra-small-forward-b1",
    "electra-small-forward-b8",
    "electra-small-pretrain-step",
    "tokenize",
    "span-corruption",
];

#[derive(Args)]
pub struct Arguments {
    /// Workloads of `lamplight bench`; without a name all of them
    #[arg(value_name = "WORKLOAD", value_parser = WORKLOADS)]
    workloads: Vec<String>,
    /// Devices to compile in and to run on, the first of which the others are compared with
    #[arg(
        long,
        value_name = "DEVICE",
        value_delimiter = ',',
        default_value = "flex"
    )]
    devices: Vec<Device>,
    /// Libraries to run in turn with ours, as far as Python has them: torch, torch-compile, ctranslate2,
    /// ctranslate2-int8, onnxruntime
    #[arg(long, value_name = "PEER", value_delimiter = ',')]
    against: Vec<String>,
    /// The Python that has them
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,
    /// Threads of a processor, for each side [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// How often each side has its turn
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// The folder for results.jsonl and table.md [default: benches/runs/DATE-N-cores/bench]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// What runs a workload: one of our devices, or a peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Lamplight(String),
    Peer(String),
}

impl Side {
    fn name(&self) -> &str {
        let (Self::Lamplight(name) | Self::Peer(name)) = self;
        name
    }
}

pub fn run(shell: &Shell, arguments: &Arguments) -> Result<()> {
    build(shell, &arguments.devices)?;
    let sides = sides(shell, arguments)?;
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => available_parallelism()?.get(),
    };
    let workloads: Vec<&str> = match arguments.workloads.as_slice() {
        [] => WORKLOADS.to_vec(),
        chosen => chosen.iter().map(String::as_str).collect(),
    };
    let mut results = Vec::new();
    for workload in workloads {
        for round in 0..arguments.rounds {
            for (side, _) in sides
                .iter()
                .filter(|(_, known)| known.iter().any(|name| name == workload))
            {
                let lines = time(shell, arguments, side, workload, threads)?;
                results.extend(lines.into_iter().map(|line| with_round(line, round)));
            }
        }
    }
    let folder = match &arguments.output {
        Some(folder) => folder.clone(),
        None => default_folder(shell)?,
    };
    fs::create_dir_all(&folder)?;
    let lines: Vec<String> = results.iter().map(Value::to_string).collect();
    fs::write(folder.join("results.jsonl"), lines.join("\n") + "\n")?;
    let names: Vec<&str> = sides.iter().map(|(side, _)| side.name()).collect();
    let table = table::markdown(&results, &names);
    fs::write(folder.join("table.md"), &table)?;
    println!("\n{table}\nwritten to {}", folder.display());
    Ok(())
}

fn build(shell: &Shell, devices: &[Device]) -> Result<()> {
    // The whole workspace, so that nothing it shares is compiled once more with other features.
    let mut options = Vec::new();
    if let Some(features) = device::features(devices, "lamplight/") {
        options.extend([String::from("--features"), features]);
    }
    cmd!(shell, "cargo build --release --workspace {options...}").run()?;
    Ok(())
}

/// Each side with the workloads that it has.
fn sides(shell: &Shell, arguments: &Arguments) -> Result<Vec<(Side, Vec<String>)>> {
    let all = WORKLOADS.map(String::from).to_vec();
    let ours = arguments.devices.iter();
    let mut sides: Vec<_> = ours
        .map(|device| (Side::Lamplight(device.to_string()), all.clone()))
        .collect();
    if arguments.against.is_empty() {
        return Ok(sides);
    }
    let python = &arguments.python;
    let known = cmd!(shell, "{python} {PEERS} --list").read()?;
    let known: BTreeMap<String, Vec<String>> = serde_json::from_str(&known)?;
    for peer in &arguments.against {
        let Some(workloads) = known.get(peer) else {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            bail!(
                "`--against {peer}`: {} has {}; {PEERS} says what to install",
                python.display(),
                names.join(", ")
            );
        };
        sides.push((Side::Peer(peer.clone()), workloads.clone()));
    }
    Ok(sides)
}

/// Runs a workload in a process of its own, whose peak of memory is the workload's.
fn time(
    shell: &Shell,
    arguments: &Arguments,
    side: &Side,
    workload: &str,
    threads: usize,
) -> Result<Vec<Value>> {
    let threads = threads.to_string();
    let python = &arguments.python;
    let output = match side {
        Side::Lamplight(device) => cmd!(
            shell,
            "{PROGRAM} bench {workload} --device {device} --threads {threads} --json"
        ),
        Side::Peer(peer) => cmd!(
            shell,
            "{python} {PEERS} {peer} {workload} --threads {threads}"
        )
        .ignore_stderr(),
    };
    let output = output.read()?;
    // Libraries may say something of their own.
    let lines = output.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| {
            serde_json::from_str(line)
                .with_context(|| format!("{workload} on {}: {line}", side.name()))
        })
        .collect()
}

fn with_round(mut line: Value, round: usize) -> Value {
    line["round"] = round.into();
    line
}

fn default_folder(shell: &Shell) -> Result<PathBuf> {
    let date = cmd!(shell, "date +%F").quiet().read()?;
    let cores = available_parallelism()?;
    Ok(PathBuf::from(format!(
        "benches/runs/{date}-{cores}-cores/bench"
    )))
}
