//! The devices that are processors.

use burn::tensor::Device;

/// Whether the device computes in the host's own memory.
pub fn is_processor(device: &Device) -> bool {
    let device = device.clone().inner();
    processors().contains(&device)
}

/// Does work on one of rayon's own threads if the device is a processor, else where it is called. A thread outside of the
/// pool sleeps while each parallel operation runs and has to be woken after it, which short operations feel.
///
/// The work must not wait for what other threads of the pool have yet to do.
pub fn on_worker<R: Send>(device: &Device, work: impl FnOnce() -> R + Send) -> R {
    match is_processor(device) {
        true => rayon::scope(|_| work()),
        false => work(),
    }
}

/// Does two things, on a processor without gradients at the same time.
pub fn join<A: Send, B: Send>(
    device: &Device,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    match is_processor(device) && !device.is_autodiff() {
        true => rayon::join(one, other),
        false => (one(), other()),
    }
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
