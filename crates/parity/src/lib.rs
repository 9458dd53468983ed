//! How far our models are from Hugging Face's.
//!
//! A [`Case`] is a folder: a tiny model as transformers saves it, inputs, and what transformers computed from them.
//! [`check`] computes the same here and compares every tensor, gradients included. Tests do so on the devices at hand,
//! `lamplight verify` on a machine without a compiler.

mod case;
mod comparison;
mod electra;
mod error;
mod expected;
mod outputs;
mod t5;

pub use case::{Case, cases_below};
pub use comparison::{Comparison, F32_TOLERANCE, Furthest, furthest};
pub use error::ParityError;
pub use expected::Expected;

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use lamplight_layers::precision::Precision;
use lamplight_layers::pretrained::PretrainedError;

use case::{Family, Kind};
use comparison::compare;
use outputs::Outputs;

/// Compares everything that a case records with what is computed here; `None` where the case is no forward pass, or has
/// nothing to judge this precision by.
///
/// # Errors
/// A file cannot be read; the case lacks an input, or records what nothing here computes.
pub fn check(
    case: &Case,
    device: &Device,
    precision: Precision,
) -> Result<Option<Vec<Comparison>>, ParityError> {
    let expected = case.expected()?;
    let Some(Kind {
        family,
        architecture,
    }) = case.kind(&expected)?
    else {
        return Ok(None);
    };
    if precision == Precision::Bf16 && !expected.has_bf16_errors() {
        return Ok(None);
    }
    let run = Run {
        case,
        expected: &expected,
        device,
        precision,
    };
    let mut outputs = Outputs::default();
    let is_known = match family {
        Family::T5 => t5::run(&run, &architecture, &mut outputs)?,
        Family::Electra => electra::run(&run, &architecture, &mut outputs)?,
    };
    if !is_known {
        let case = case.path.clone();
        return Err(ParityError::UnknownArchitecture { case, architecture });
    }
    compare(&run, &outputs.into_all()).map(Some)
}

/// A case at work.
struct Run<'a> {
    case: &'a Case,
    expected: &'a Expected,
    device: &'a Device,
    precision: Precision,
}

impl Run<'_> {
    /// The model of the case, to compute in the precision asked for.
    fn model<M: Module>(
        &self,
        load: impl Fn(&Path, &Device) -> Result<M, PretrainedError>,
        device: &Device,
    ) -> Result<M, ParityError> {
        let master = load(&self.case.path, device)?;
        Ok(self.precision.compute_copy(&master))
    }

    /// With gradients where the case records some.
    fn device_of_loss(&self) -> Device {
        match self.expected.has_gradients() {
            true => self.device.clone().autodiff(),
            false => self.device.clone(),
        }
    }
}
