//! The devices a program can run on: parsed in one place, probed without a panic.

use std::fmt;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::str::FromStr;

use burn::tensor::Device;
use lamplight_kernels::streams;

mod description;
#[cfg(any(feature = "cuda", test))]
mod math_library;

pub use description::{DeviceDescription, available};
pub use lamplight_kernels::processor::{is_processor, on_worker};

/// A Burn backend, compiled in by the cargo feature of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// The CPU, pure Rust.
    #[default]
    Flex,
    /// The CPU, through the `ndarray` crate.
    NdArray,
    /// Any GPU, by WGSL through wgpu.
    Wgpu,
    /// Any GPU, by SPIR-V through Vulkan.
    Vulkan,
    /// Apple's GPUs.
    Metal,
    /// AMD's GPUs.
    Rocm,
    /// NVIDIA's GPUs.
    Cuda,
}

impl Backend {
    /// Every backend, in the order in which they are listed.
    pub const ALL: [Self; 7] = [
        Self::Flex,
        Self::NdArray,
        Self::Wgpu,
        Self::Vulkan,
        Self::Metal,
        Self::Rocm,
        Self::Cuda,
    ];

    /// The name on the command line, which is the name of the cargo feature as well.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Vulkan => "vulkan",
            Self::Metal => "metal",
            Self::Rocm => "rocm",
            Self::Cuda => "cuda",
        }
    }

    fn is_cpu(self) -> bool {
        matches!(self, Self::Flex | Self::NdArray)
    }

    /// The devices of this backend; `None` when it is not compiled in. A driver that panics while
    /// it is probed counts as absent.
    fn devices(self) -> Option<Vec<Device>> {
        catch_unwind(|| self.enumerate()).unwrap_or(Some(Vec::new()))
    }

    fn enumerate(self) -> Option<Vec<Device>> {
        macro_rules! compiled_in {
            ($feature:literal, $devices:expr) => {{
                #[cfg(feature = $feature)]
                let devices: Option<Vec<Device>> = Some($devices);
                #[cfg(not(feature = $feature))]
                let devices: Option<Vec<Device>> = None;
                devices
            }};
        }
        macro_rules! listed {
            ($feature:literal, $device_type:ident) => {
                compiled_in!(
                    $feature,
                    Device::enumerate(burn::tensor::DeviceType::$device_type).into_vec()
                )
            };
        }
        match self {
            Self::Flex => compiled_in!("flex", vec![Device::flex()]),
            Self::NdArray => compiled_in!("ndarray", vec![lamplight_kernels::processor::ndarray()]),
            Self::Wgpu => listed!("wgpu", Wgpu),
            Self::Vulkan => listed!("vulkan", Vulkan),
            Self::Metal => listed!("metal", Metal),
            Self::Rocm => listed!("rocm", Rocm),
            Self::Cuda => listed!("cuda", Cuda),
        }
    }
}

/// A device as named on the command line: `flex`, `ndarray`, `wgpu[:N]`, `cuda[:N]`, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceChoice {
    /// The backend.
    pub backend: Backend,
    /// Which of the backend's devices, from 0.
    pub index: usize,
}

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The name is none.
    #[error(
        "unknown device `{0}`; known are flex, ndarray, wgpu, vulkan, metal, rocm and cuda, the GPUs with `:N` for the N-th"
    )]
    Unknown(String),
    /// The binary was built without this backend.
    #[error(
        "this build has no `{0}`; build it with: cargo build --release -p lamplight --features {0}"
    )]
    NotCompiledIn(&'static str),
    /// The machine has no such device.
    #[error(
        "no device `{choice}`: {found} found; is the driver installed? `lamplight devices` lists what is there"
    )]
    NotPresent {
        /// What was asked for.
        choice: DeviceChoice,
        /// How many devices the backend has.
        found: usize,
    },
    /// The device is there, but not what its kernels are linked with.
    #[error(
        "CUDA's math library is missing, looked for at {}; set CUDA_PATH to a folder with nvvm/libdevice/libdevice.10.bc, \
         which a CUDA toolkit has, and the Python package nvidia-cuda-nvcc-cu12 below nvidia/cuda_nvcc", listed(.0)
    )]
    NoMathLibrary(Vec<PathBuf>),
}

fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown(text.to_owned());
        let (name, index) = match text.split_once(':') {
            None => (text, 0),
            Some((name, index)) => (name, index.parse().map_err(|_| unknown())?),
        };
        let backend = Backend::ALL
            .into_iter()
            .find(|backend| backend.name() == name);
        match backend {
            Some(backend) if index == 0 || !backend.is_cpu() => Ok(Self { backend, index }),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.backend.name())?;
        if self.index > 0 {
            write!(f, ":{}", self.index)
        } else {
            Ok(())
        }
    }
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// The backend is not compiled in, or the machine has no such device or lacks what its kernels are linked with.
    pub fn open(self) -> Result<Device, DeviceError> {
        if !self.backend.is_cpu() {
            streams::use_one();
        }
        let devices = self.backend.devices();
        let devices = devices.ok_or(DeviceError::NotCompiledIn(self.backend.name()))?;
        let found = devices.len();
        let device = devices
            .into_iter()
            .nth(self.index)
            .ok_or(DeviceError::NotPresent {
                choice: self,
                found,
            })?;
        #[cfg(feature = "cuda")]
        if let (Backend::Cuda, Some(paths)) = (self.backend, math_library::missing()) {
            return Err(DeviceError::NoMathLibrary(paths));
        }
        Ok(device)
    }
}

/// The backends that this build lacks.
pub fn not_compiled_in() -> Vec<Backend> {
    let is_missing = |backend: &Backend| backend.devices().is_none();
    Backend::ALL.into_iter().filter(is_missing).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_is_parsed_from_its_name() {
        for backend in Backend::ALL {
            let choice: DeviceChoice = backend.name().parse().unwrap();
            assert_eq!(choice, DeviceChoice { backend, index: 0 });
            assert_eq!(choice.to_string(), backend.name());
        }
    }

    #[test]
    fn index_selects_one_of_several_gpus() {
        let choice: DeviceChoice = "cuda:3".parse().unwrap();
        assert_eq!(
            choice,
            DeviceChoice {
                backend: Backend::Cuda,
                index: 3
            }
        );
        assert_eq!(choice.to_string(), "cuda:3");
    }

    #[test]
    fn wrong_names_are_refused() {
        for text in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "flex:1", "Flex"] {
            assert!(text.parse::<DeviceChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn missing_backend_names_the_command_that_builds_it() {
        for backend in not_compiled_in() {
            let error = DeviceChoice { backend, index: 0 }
                .open()
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(&format!("--features {}", backend.name())),
                "{error}"
            );
        }
    }
}
