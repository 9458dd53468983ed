//! The type of weights to infer with.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use anyhow::bail;
use burn::tensor::Device;
use clap::Args;
use lamplight_layers::precision::{Precision, PrecisionError};
use lamplight_layers::quantization;
use lamplight_t5::T5ForConditionalGeneration;

/// The type of weights; what they are multiplied with is as wide, but with 8 bits in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// Floating-point numbers.
    Float(Precision),
    /// Whole numbers of 8 bits with scales.
    Int8,
}

/// `--dtype` of the commands that generate.
#[derive(Debug, Args)]
pub struct DtypeArguments {
    /// The type of weights: f32, bf16, or int8, which generates faster on a processor
    #[arg(long, value_name = "DTYPE", default_value_t)]
    pub dtype: Dtype,
}

impl Default for Dtype {
    fn default() -> Self {
        Self::Float(Precision::F32)
    }
}

impl FromStr for Dtype {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        match name.parse() {
            Ok(precision) => Ok(Self::Float(precision)),
            Err(PrecisionError::Unknown(_)) if name == "int8" => Ok(Self::Int8),
            Err(PrecisionError::Unknown(_)) => bail!("known are f32, bf16 and int8"),
            Err(error) => Err(error.into()),
        }
    }
}

impl Display for Dtype {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Dtype {
    /// As `--dtype` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float(precision) => precision.name(),
            Self::Int8 => "int8",
        }
    }

    /// Whether the device can infer with it.
    pub fn check(self, device: &Device) -> anyhow::Result<()> {
        match self {
            Self::Float(precision) => precision.check(device)?,
            Self::Int8 => quantization::check(device)?,
        }
        Ok(())
    }

    /// The model with weights of this type.
    pub fn of_t5(
        self,
        model: &T5ForConditionalGeneration,
    ) -> anyhow::Result<T5ForConditionalGeneration> {
        Ok(match self {
            Self::Float(precision) => precision.compute_copy(model),
            Self::Int8 => model.quantized()?,
        })
    }
}
