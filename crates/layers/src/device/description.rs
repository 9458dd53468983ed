//! What a device calls itself, how much memory it has, which driver runs it.

use std::process::Command;

use burn::tensor::Device;

use super::{Backend, DeviceChoice};

/// One device of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceDescription {
    /// What to give as `--device`.
    pub choice: DeviceChoice,
    /// What it calls itself.
    pub name: String,
    /// Its memory in bytes, where known.
    pub memory: Option<u64>,
    /// The version of its driver, where known.
    pub driver: Option<String>,
}

/// The devices that this build can use on this machine.
pub fn available() -> Vec<DeviceDescription> {
    let described = |backend: Backend| {
        let devices = backend.devices().unwrap_or_default();
        devices
            .into_iter()
            .enumerate()
            .map(move |(index, device)| describe(DeviceChoice { backend, index }, &device))
    };
    Backend::ALL.into_iter().flat_map(described).collect()
}

fn describe(choice: DeviceChoice, device: &Device) -> DeviceDescription {
    if choice.backend.is_cpu() {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        return DeviceDescription {
            choice,
            name: format!("{}, {threads} threads", processor_name()),
            memory: system_memory(),
            driver: None,
        };
    }
    let (memory, driver) = match choice.backend {
        Backend::Cuda => nvidia(choice.index),
        _ => (None, None),
    };
    let name = gpu_name(device).unwrap_or_else(|| format!("{device:?}"));
    DeviceDescription {
        choice,
        name,
        memory,
        driver,
    }
}

#[cfg(any(
    feature = "wgpu",
    feature = "vulkan",
    feature = "metal",
    feature = "rocm",
    feature = "cuda"
))]
fn gpu_name(device: &Device) -> Option<String> {
    let device = std::panic::AssertUnwindSafe(device);
    std::panic::catch_unwind(|| device.identity())
        .ok()
        .flatten()
        .map(|identity| identity.name)
}

#[cfg(not(any(
    feature = "wgpu",
    feature = "vulkan",
    feature = "metal",
    feature = "rocm",
    feature = "cuda"
)))]
fn gpu_name(_: &Device) -> Option<String> {
    None
}

/// The value of the first line `key: value` of a text.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
}

fn processor_name() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| field(&text, "model name").map(str::to_owned))
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn system_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes = field(&text, "MemTotal")?.strip_suffix(" kB")?;
    Some(kibibytes.parse::<u64>().ok()? * 1024)
}

/// Memory and driver of the N-th GPU as NVIDIA's own tool tells them.
fn nvidia(index: usize) -> (Option<u64>, Option<String>) {
    let output = Command::new("nvidia-smi")
        .args([
            "--query-gpu=memory.total,driver_version",
            "--format=csv,noheader,nounits",
        ])
        .arg(format!("--id={index}"))
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    match text.as_deref().map(|text| text.trim().split_once(", ")) {
        Ok(Some((mebibytes, driver))) => (
            mebibytes
                .parse::<u64>()
                .ok()
                .map(|mebibytes| mebibytes << 20),
            Some(driver.to_owned()),
        ),
        _ => (None, None),
    }
}
