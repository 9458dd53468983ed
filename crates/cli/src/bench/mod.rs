//! `lamplight bench`

mod decoding;
mod forward;
mod matmul;
mod measure;
mod scale;
mod text;
mod training;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use lamplight_layers::device::{DeviceChoice, is_processor};
use lamplight_layers::precision::Precision;
use lamplight_t5::T5Config;
use lamplight_training::memory::{forget_peak, peak_resident_bytes};
use serde::Serialize;

use crate::dtype::Dtype;
use crate::interrupt;
use measure::{Case, Timing, time};
use training::{ElectraStep, T5Step};

/// `bench`
#[derive(Debug, Args)]
pub struct BenchArguments {
    /// What to time; without a name each in turn, on a processor but for those sized for GPUs
    #[arg(value_enum, value_name = "WORKLOAD")]
    workloads: Vec<Workload>,
    /// flex, ndarray, wgpu, vulkan, metal, rocm or cuda, the last with :N for the N-th
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceChoice,
    /// The type of weights and activations: f32 or bf16; int8, of weights alone, for decoding
    #[arg(long, value_name = "DTYPE", default_value_t)]
    dtype: Dtype,
    /// Threads of a processor [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// An object in a line for each workload
    #[arg(long)]
    json: bool,
}

/// What can be timed. Models have random weights and published sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// Matrix products of the shapes that these models have
    Matmul,
    /// T5-small's encoder, 4 x 512 tokens
    T5SmallEncoder,
    /// A training step of T5-small, 4 x 512 tokens in and 114 out, dropout 0.1, AdamW
    T5SmallTrainStep,
    /// 64 ids after an input of 64, one input
    T5SmallGreedyB1,
    /// The same for eight inputs at once
    T5SmallGreedyB8,
    /// The same for one input by four beams
    T5SmallBeam4,
    /// ELECTRA-small's discriminator, 1 x 128 tokens
    ElectraSmallForwardB1,
    /// The same, 8 x 128 tokens
    ElectraSmallForwardB8,
    /// A pre-training step of ELECTRA-small, 16 x 128 tokens, dropout 0.1, AdamW
    ElectraSmallPretrainStep,
    /// The same, 128 x 128 tokens
    ElectraSmallPretrainStepB128,
    /// A pre-training step of ELECTRA-base, 256 x 512 tokens in four parts, dropout 0.1, AdamW
    ElectraBasePretrainStep,
    /// A training step of T5-base v1.1, 128 x 512 tokens in and 114 out in four parts, AdamW
    T5BaseTrainStep,
    /// 64 ids by T5-base v1.1 after an input of 64, one input
    T5BaseGreedyB1,
    /// The same for eight inputs at once
    T5BaseGreedyB8,
    /// The training step of T5-small for one row of 128 to 4096 tokens in and 64 out
    ScaleLength,
    /// T5-small's encoder, 1 to 32 rows of 128 tokens
    ScaleBatch,
    /// The encoders of T5-small, base and large, 1 x 512 tokens
    ScaleSize,
    /// Generated English by a vocabulary of 1000 pieces that is trained on it
    Tokenize,
    /// 1000 times 568 tokens to 512 and 114
    SpanCorruption,
}

/// Makes everything that is not timed: weights, batches, texts.
type Prepare<'a> = Box<dyn FnOnce() -> anyhow::Result<Case> + 'a>;

fn one<'a>(prepare: impl FnOnce() -> anyhow::Result<Case> + 'a) -> Vec<Prepare<'a>> {
    vec![Box::new(prepare)]
}

fn each<'a, T: 'a, const N: usize>(
    all: [T; N],
    prepare: impl Fn(T) -> anyhow::Result<Case> + Copy + 'a,
) -> Vec<Prepare<'a>> {
    let prepare = |one| -> Prepare<'a> { Box::new(move || prepare(one)) };
    all.map(prepare).into()
}

/// Where and how a workload is run.
struct Setting {
    device: Device,
    dtype: Dtype,
}

impl Setting {
    /// The type where weights and activations have the same.
    fn precision(&self) -> anyhow::Result<Precision> {
        match self.dtype {
            Dtype::Float(precision) => Ok(precision),
            Dtype::Int8 => bail!(
                "--dtype int8 is for what decodes: t5-small-greedy-b1, -b8, t5-small-beam4, t5-base-greedy-b1 and -b8"
            ),
        }
    }
}

/// A line of the result.
#[derive(Debug, Serialize)]
struct Line<'a> {
    workload: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shape: Option<&'a str>,
    device: &'a str,
    dtype: &'static str,
    threads: usize,
    #[serde(flatten)]
    timing: &'a Timing,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_per_second: Option<f64>,
    /// By the rule of `lamplight_training::flops`.
    #[serde(skip_serializing_if = "Option::is_none")]
    gflops_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory_bytes: Option<u64>,
    /// What the workload holds of a GPU's memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_memory_bytes: Option<u64>,
}

/// Times workloads and prints a line for each.
pub fn run(arguments: &BenchArguments) -> anyhow::Result<ExitCode> {
    if let Some(threads) = arguments.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
        pool.build_global().context("--threads")?;
    }
    let setting = Setting {
        device: arguments.device.open()?,
        dtype: arguments.dtype,
    };
    setting.dtype.check(&setting.device)?;
    interrupt::listen()?;
    let workloads = match arguments.workloads.as_slice() {
        [] if is_processor(&setting.device) => Workload::of_processors(),
        [] => Workload::value_variants().to_vec(),
        chosen => chosen.to_vec(),
    };
    for workload in workloads {
        for prepare in workload.cases(&setting) {
            if interrupt::is_requested() {
                return Ok(ExitCode::from(crate::INTERRUPTED));
            }
            // What earlier cases took is not this one's.
            forget_peak();
            report(arguments, &setting, workload, prepare()?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the pools of a device hold, used or kept for reuse; none for a processor. Pools do not shrink while a workload
/// runs, so it is the most that was held.
fn reserved_bytes(device: &Device) -> Option<u64> {
    let usage = device.memory_pool_usage()?;
    Some(usage.bytes_reserved)
}

impl Workload {
    /// All but those that take minutes or more memory than a processor has.
    fn of_processors() -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|workload| {
            !matches!(
                workload,
                Self::ElectraSmallPretrainStepB128
                    | Self::ElectraBasePretrainStep
                    | Self::T5BaseTrainStep
                    | Self::T5BaseGreedyB1
                    | Self::T5BaseGreedyB8
            )
        })
        .collect()
    }

    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn cases(self, setting: &Setting) -> Vec<Prepare<'_>> {
        match self {
            Self::Matmul => each(matmul::SHAPES, |shape| matmul::case(setting, shape)),
            Self::T5SmallEncoder => one(|| forward::t5_encoder(setting)),
            Self::T5SmallTrainStep => one(|| T5Step::small().case(setting)),
            Self::T5BaseTrainStep => one(|| T5Step::base().case(setting)),
            Self::T5SmallGreedyB1 => one(|| decoding::t5(setting, &T5Config::default(), 1, 1)),
            Self::T5SmallGreedyB8 => one(|| decoding::t5(setting, &T5Config::default(), 8, 1)),
            Self::T5SmallBeam4 => one(|| decoding::t5(setting, &T5Config::default(), 1, 4)),
            Self::T5BaseGreedyB1 => one(|| decoding::t5(setting, &forward::t5_base(), 1, 1)),
            Self::T5BaseGreedyB8 => one(|| decoding::t5(setting, &forward::t5_base(), 8, 1)),
            Self::ElectraSmallForwardB1 => one(|| forward::electra(setting, 1)),
            Self::ElectraSmallForwardB8 => one(|| forward::electra(setting, 8)),
            Self::ElectraSmallPretrainStep => one(|| ElectraStep::small(16).case(setting)),
            Self::ElectraSmallPretrainStepB128 => one(|| ElectraStep::small(128).case(setting)),
            Self::ElectraBasePretrainStep => one(|| ElectraStep::base().case(setting)),
            Self::ScaleLength => each(scale::LENGTHS, |length| scale::length(setting, length)),
            Self::ScaleBatch => each(scale::ROWS, |rows| scale::batch(setting, rows)),
            Self::ScaleSize => each(scale::SIZES, |size| scale::size(setting, size)),
            Self::Tokenize => one(text::tokenize),
            Self::SpanCorruption => one(|| Ok(text::span_corruption())),
        }
    }
}

/// Times a case and prints what it took.
fn report(
    arguments: &BenchArguments,
    setting: &Setting,
    workload: Workload,
    mut case: Case,
) -> anyhow::Result<()> {
    let timing = time(&mut case.run)?;
    let rate = |amount: f64| amount / timing.median_s;
    let device = arguments.device.to_string();
    let line = Line {
        workload: workload.name(),
        shape: case.shape.as_deref(),
        device: &device,
        dtype: arguments.dtype.name(),
        threads: rayon::current_num_threads(),
        timing: &timing,
        tokens_per_second: case.num_tokens.map(rate),
        gflops_per_second: case.flops.map(|flops| rate(flops) / 1e9),
        peak_memory_bytes: peak_resident_bytes(),
        device_memory_bytes: reserved_bytes(&setting.device),
    };
    let mut out = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer(&mut out, &line)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}", line.readable())?;
    }
    out.flush()?;
    Ok(())
}

impl Line<'_> {
    fn readable(&self) -> String {
        let name = match self.shape {
            Some(shape) => format!("{} {shape}", self.workload),
            None => self.workload.clone(),
        };
        let seconds = |seconds: f64| match seconds < 1.0 {
            true => format!("{:.2} ms", seconds * 1e3),
            false => format!("{seconds:.2} s"),
        };
        let Timing {
            median_s, best_s, ..
        } = self.timing;
        let mut text = format!(
            "{name:<28} median {:>10}  best {:>10}",
            seconds(*median_s),
            seconds(*best_s)
        );
        if let Some(rate) = self.tokens_per_second {
            text += &format!("  {rate:>12.0} tokens/s");
        }
        if let Some(rate) = self.gflops_per_second {
            text += &format!("  {rate:>8.1} GFLOP/s");
        }
        if let Some(bytes) = self.peak_memory_bytes {
            text += &format!("  peak {} MiB", bytes >> 20);
        }
        if let Some(bytes) = self.device_memory_bytes {
            text += &format!("  device {} MiB", bytes >> 20);
        }
        text
    }
}
