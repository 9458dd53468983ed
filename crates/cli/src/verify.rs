//! `lamplight verify`

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use burn::tensor::Device;
use clap::Args;
use lamplight_layers::device::DeviceChoice;
use lamplight_layers::precision::Precision;
use lamplight_parity::{Case, Comparison, cases_below, check};
use lamplight_training::comparison::Row;
use serde_json::json;

use crate::compare::aligned;
use crate::console::progress::Progress;
use crate::interrupt;

/// Tensors shown where all are close.
const NUM_SHOWN: usize = 10;

/// `verify`
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Folders of reference cases, or cases: a model as Hugging Face saves it, with an expected.safetensors
    #[arg(value_name = "CASES", required = true)]
    cases: Vec<PathBuf>,
    /// flex, ndarray, wgpu, vulkan, metal, rocm or cuda, the last with :N for the N-th
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceChoice,
    /// The type to compute in: f32 or bf16, which is compared with how far Hugging Face's own run in bf16 is off
    #[arg(long, value_name = "DTYPE", default_value = "f32")]
    dtype: Precision,
    /// An object in a line for each tensor
    #[arg(long)]
    json: bool,
}

/// A tensor of a case.
struct Compared {
    case: String,
    tensor: Comparison,
}

/// Compares outputs and gradients of models with what Hugging Face's gave, and prints how far each tensor is off.
pub fn run(arguments: &VerifyArguments) -> anyhow::Result<ExitCode> {
    let device = arguments.device.open()?;
    arguments.dtype.check(&device)?;
    interrupt::listen()?;
    let mut cases = Vec::new();
    for folder in &arguments.cases {
        cases.extend(cases_below(folder)?);
    }
    let mut compared = Vec::new();
    let mut num_checked = 0;
    let mut progress = Progress::new("verifying", &["cases"]);
    for (index, case) in cases.iter().enumerate() {
        if interrupt::is_requested() {
            return Ok(ExitCode::from(crate::INTERRUPTED));
        }
        progress.update(index as f64 / cases.len() as f64, &[index as u64]);
        let tensors = tensors(case, &device, arguments.dtype)?;
        num_checked += usize::from(!tensors.is_empty());
        compared.extend(tensors);
    }
    progress.finish();
    anyhow::ensure!(
        num_checked > 0,
        "none of {} cases is a forward pass that {} can be judged by",
        cases.len(),
        arguments.dtype.name()
    );
    compared.sort_by(|one, other| other.tensor.share.total_cmp(&one.tensor.share));
    match arguments.json {
        true => print_json(&compared)?,
        false => print_table(&compared, num_checked, arguments)?,
    }
    let is_close = compared.iter().all(|one| one.tensor.is_close());
    Ok(match is_close {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// None for what is no forward pass.
fn tensors(case: &Case, device: &Device, precision: Precision) -> anyhow::Result<Vec<Compared>> {
    let tensors = check(case, device, precision)?.unwrap_or_default();
    let compared = tensors.into_iter().map(|tensor| Compared {
        case: case.name.clone(),
        tensor,
    });
    Ok(compared.collect())
}

/// Worst first. What is not finite has no number in JSON, and becomes null.
fn print_json(compared: &[Compared]) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    for Compared { case, tensor } in compared {
        let line = json!({
            "case": case,
            "tensor": tensor.name,
            "difference": tensor.difference,
            "share": tensor.share,
            "is_close": tensor.is_close(),
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Those that are too far off, else the worst.
fn print_table(
    compared: &[Compared],
    num_cases: usize,
    arguments: &VerifyArguments,
) -> anyhow::Result<()> {
    let num_off = compared.iter().filter(|one| !one.tensor.is_close()).count();
    let shown = compared.iter().take(num_off.max(NUM_SHOWN));
    let rows = shown.map(|Compared { case, tensor }| Row {
        name: case.clone(),
        cells: vec![
            tensor.name.clone(),
            format!("{:.1e}", tensor.difference),
            format!("{:.2}", tensor.share),
        ],
    });
    let header = ["tensor", "off by", "of what is allowed"].map(str::to_owned);
    let header = Row {
        name: String::from("case"),
        cells: header.to_vec(),
    };
    let rows: Vec<Row> = std::iter::once(header).chain(rows).collect();
    let mut out = stdout().lock();
    for line in aligned(&rows) {
        writeln!(out, "{line}")?;
    }
    let (num_tensors, device, dtype) = (compared.len(), arguments.device, arguments.dtype.name());
    let verdict = match num_off {
        0 => String::from("all close"),
        _ => format!("{num_off} too far off"),
    };
    writeln!(
        out,
        "\n{num_tensors} tensors of {num_cases} cases on {device} in {dtype}: {verdict}"
    )?;
    Ok(())
}
