//! The type that matrix products compute in, beside parameters that stay in f32.

use std::str::FromStr;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};
use lamplight_kernels::cast::Casts;
use lamplight_kernels::processor::is_processor;
use serde::{Deserialize, Serialize};

use crate::leaf::Leaf;

/// Containers whose parameters stay in f32. A norm computes in f32. An embedding table is looked
/// up in f32, because its gradient is a sum over all places where a row is used, which half
/// precision would round at every addend.
const KEPT_IN_F32: [&str; 3] = ["Struct:RmsNorm", "Struct:LayerNorm", "Struct:Embedding"];

/// The type of weights, activations and the residual stream in a training step. Parameters,
/// gradients, norms, softmax and losses are in f32 with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the exponent of f32.
    Bf16,
}

/// Why a precision cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrecisionError {
    /// Half precision with a narrow exponent.
    #[error(
        "precision `{0}` is not supported: T5's residual stream and feed-forward output overflow its largest number, 65504, and its small gradients would need loss scaling; use bf16"
    )]
    NarrowExponent(String),
    /// The name is none.
    #[error("unknown precision `{0}`; known are f32 and bf16")]
    Unknown(String),
    /// The device has no such type.
    #[error(
        "this device does not compute in {0}; set training.precision to f32 or choose another device"
    )]
    NotOnDevice(&'static str),
}

impl FromStr for Precision {
    type Err = PrecisionError;

    fn from_str(name: &str) -> Result<Self, PrecisionError> {
        match name {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            "f16" | "fp16" => Err(PrecisionError::NarrowExponent(name.to_owned())),
            _ => Err(PrecisionError::Unknown(name.to_owned())),
        }
    }
}

impl TryFrom<String> for Precision {
    type Error = PrecisionError;

    fn try_from(name: String) -> Result<Self, PrecisionError> {
        name.parse()
    }
}

impl From<Precision> for &'static str {
    fn from(precision: Precision) -> Self {
        precision.name()
    }
}

impl Precision {
    /// The name in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }

    /// The type.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }

    /// Whether the device can compute in it.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(self, device: &Device) -> Result<(), PrecisionError> {
        if device.supports_dtype(self.dtype()) {
            Ok(())
        } else {
            Err(PrecisionError::NotOnDevice(self.name()))
        }
    }

    /// What a device trains in where nothing else is asked for: bf16 on GPUs that compute in it, else f32.
    pub fn preferred(device: &Device) -> Self {
        match !is_processor(device) && Self::Bf16.check(device).is_ok() {
            true => Self::Bf16,
            false => Self::F32,
        }
    }

    /// A copy of `master` to compute one forward and backward pass with. Each of its parameters is
    /// a leaf of its own under the id of the master's parameter; since a cast passes gradients
    /// through unchanged, the gradient of the copy, in f32, is that of the master. With f32 it
    /// is the master itself.
    pub fn compute_copy<M: Module>(self, master: &M) -> M {
        let copy = master.clone();
        match self {
            Self::F32 => copy,
            Self::Bf16 => {
                let mut casting = Casting {
                    casts: Casts::new(self.dtype()),
                    containers: Vec::new(),
                };
                let copy = copy.map(&mut casting);
                casting.casts.finish();
                copy
            }
        }
    }
}

struct Casting {
    casts: Casts,
    containers: Vec<String>,
}

impl ModuleMapper for Casting {
    fn enter_module(&mut self, _name: &str, container_type: &str) {
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.containers.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let is_kept = |container: &String| KEPT_IN_F32.contains(&container.as_str());
        if self.containers.iter().any(is_kept) {
            return param;
        }
        param.map(|tensor| {
            let leaf = Leaf::of(&tensor);
            leaf.with(self.casts.add(tensor.inner()))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::norm::RmsNorm;
    use burn::nn::{EmbeddingConfig, LinearConfig};
    use lamplight_testing::{test_device, test_device_choice};

    #[test]
    fn names_are_read_back() {
        for precision in [Precision::F32, Precision::Bf16] {
            assert_eq!(precision.name().parse(), Ok(precision));
        }
        assert!("bf32".parse::<Precision>().is_err());
    }

    #[test]
    fn f16_is_refused_with_the_way_out() {
        for name in ["f16", "fp16"] {
            let error = name.parse::<Precision>().unwrap_err().to_string();
            assert!(
                error.contains("overflow") && error.contains("use bf16"),
                "{error}"
            );
        }
    }
    #[test]
    fn a_device_without_bf16_is_refused() {
        let device = test_device();
        assert_eq!(Precision::F32.check(&device), Ok(()));
        let backend = test_device_choice().backend.name();
        if backend == "ndarray" {
            let error = Precision::Bf16.check(&device).unwrap_err().to_string();
            assert!(error.contains("training.precision"), "{error}");
        }
        if backend == "flex" {
            assert_eq!(Precision::Bf16.check(&device), Ok(()));
        }
    }

    #[test]
    fn the_preferred_type_is_one_that_the_device_has() {
        let device = test_device();
        let preferred = Precision::preferred(&device);
        assert_eq!(preferred.check(&device), Ok(()));
        if is_processor(&device) {
            assert_eq!(preferred, Precision::F32);
        }
    }

    #[test]
    fn the_copy_keeps_ids_training_and_what_is_sensitive() {
        let device = test_device().autodiff();
        if Precision::Bf16.check(&device).is_err() {
            return;
        }
        let frozen = LinearConfig::new(2, 2)
            .with_bias(false)
            .init(&device)
            .no_grad();
        let linear = LinearConfig::new(2, 2).init(&device);
        let norm = RmsNorm::new(2, 1e-5, &device);
        let table = EmbeddingConfig::new(2, 2).init(&device);
        let master = (linear, frozen, norm, table);
        let (linear, frozen, norm, table) = Precision::Bf16.compute_copy(&master);
        assert_eq!(linear.weight.dtype(), DType::BF16);
        assert_eq!(linear.weight.id, master.0.weight.id);
        assert!(linear.weight.is_require_grad());
        assert_eq!(frozen.weight.dtype(), DType::BF16);
        assert!(!frozen.weight.is_require_grad());
        assert_eq!(norm.gamma.dtype(), DType::F32);
        assert_eq!(table.weight.dtype(), DType::F32);
        assert_eq!(master.0.weight.dtype(), DType::F32);
    }
}
