//! The devices that are processors.

use burn::tensor::Device;

/// Whether the device computes in the host's own memory.
pub fn is_processor(device: &Device) -> bool {
    let device = device.clone().inner();
    processors().contains(&device)
}

fn processors() -> Vec<Device> {
    vec![
        #[cfg(feature = "flex")]
        Device::flex(),
        #[cfg(feature = "ndarray")]
        ndarray(),
    ]
}

/// The device of the `ndarray` backend.
#[cfg(feature = "ndarray")]
#[expect(deprecated, reason = "Burn prefers flex; users compare the two")]
pub fn ndarray() -> Device {
    Device::ndarray()
}
