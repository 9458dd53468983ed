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

const PEERS: &str = "benches/peers.py";
/// What everything else is compared with the machine's best rate of.
const MATMUL: &str = "matmul";
const WORKLOADS: [&str; 14] = [
    MATMUL,
    "t5-small-encoder",
    "t5-small-train-step",
    "t5-small-greedy-b1",
    "t5-small-greedy-b8",
    "t5-small-beam4",
    "electra-small-forward-b1",
    "electra-small-forward-b8",
    "electra-small-pretrain-step",
    "scale-length",
    "scale-batch",
    "scale-size",
    "tokenize",
    "span-corruption",
];

/// What decodes, and so has a form with weights of 8 bits.
const DECODING: [&str; 3] = ["t5-small-greedy-b1", "t5-small-greedy-b8", "t5-small-beam4"];
const F32: &str = "f32";
const INT8: &str = "int8";

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
    /// Types of the weights: f32, and int8 for what decodes
    #[arg(long, value_name = "DTYPE", value_delimiter = ',', default_value = "f32", value_parser = [F32, INT8])]
    dtypes: Vec<String>,
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

/// What runs workloads: one of our devices with one of our types, or a peer.
#[derive(Debug, Clone)]
struct Side {
    name: String,
    workloads: Vec<String>,
    /// None for a peer.
    ours: Option<Ours>,
}

#[derive(Debug, Clone)]
struct Ours {
    device: Device,
    dtype: String,
}

impl Ours {
    fn side(self) -> Side {
        let Self { device, dtype } = &self;
        let is_f32 = dtype == F32;
        let workloads = WORKLOADS
            .iter()
            .filter(|name| is_f32 || DECODING.contains(name));
        Side {
            name: if is_f32 {
                device.to_string()
            } else {
                format!("{device}-{dtype}")
            },
            workloads: workloads.map(ToString::to_string).collect(),
            ours: Some(self),
        }
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
            let has_it = |side: &&Side| side.workloads.iter().any(|name| name == workload);
            for side in sides.iter().filter(has_it) {
                let lines = time(shell, arguments, side, workload, threads)?;
                results.extend(lines.into_iter().map(|line| labelled(line, side, round)));
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
    let names: Vec<&str> = sides.iter().map(|side| side.name.as_str()).collect();
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

fn sides(shell: &Shell, arguments: &Arguments) -> Result<Vec<Side>> {
    let mut sides = Vec::new();
    for device in &arguments.devices {
        for dtype in &arguments.dtypes {
            let (device, dtype) = (device.clone(), dtype.clone());
            sides.push(Ours { device, dtype }.side());
        }
    }
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
        sides.push(Side {
            name: peer.clone(),
            workloads: workloads.clone(),
            ours: None,
        });
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
    let name = &side.name;
    let program = crate::program()?;
    let output = match &side.ours {
        Some(Ours { device, dtype }) => {
            let device = device.to_string();
            cmd!(
                shell,
                "{program} bench {workload} --device {device} --dtype {dtype} --threads {threads} --json"
            )
        }
        None => cmd!(
            shell,
            "{python} {PEERS} {name} {workload} --threads {threads}"
        )
        .ignore_stderr(),
    };
    let output = output.read()?;
    // Libraries may say something of their own.
    let lines = output.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| {
            serde_json::from_str(line).with_context(|| format!("{workload} on {name}: {line}"))
        })
        .collect()
}

fn labelled(mut line: Value, side: &Side, round: usize) -> Value {
    line["side"] = side.name.clone().into();
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
