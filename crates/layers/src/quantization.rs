//! Models whose linear layers have weights of 8 bits, to infer with.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use lamplight_kernels::linear;

const LINEAR: &str = "Struct:Linear";

/// The device does not multiply weights of 8 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("weights of 8 bits are for the device flex; choose f32 here")]
pub struct QuantizationError;

/// Whether weights of 8 bits are of use on the device.
///
/// # Errors
/// They are not.
pub fn check(device: &Device) -> Result<(), QuantizationError> {
    match linear::multiplies_quantized(device) {
        true => Ok(()),
        false => Err(QuantizationError),
    }
}

/// The model with weights of 8 bits in its linear layers ([`linear::quantize`]); tables, norms and biases stay as they
/// are, and so does what is computed with them, in f32. It can neither be trained nor saved.
///
/// # Errors
/// The device does not multiply such weights.
pub fn quantize<M: Module>(model: M, device: &Device) -> Result<M, QuantizationError> {
    check(device)?;
    Ok(model.map(&mut Quantizer {
        containers: Vec::new(),
    }))
}

struct Quantizer {
    containers: Vec<String>,
}

impl ModuleMapper for Quantizer {
    fn enter_module(&mut self, _name: &str, container_type: &str) {
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.containers.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let is_weight = D == 2 && self.containers.iter().any(|container| container == LINEAR);
        match is_weight {
            true => param.map(linear::quantize),
            false => param,
        }
    }
}
