//! What the tests of the workspace share: the device under test, the reference cases, and how
//! close is close enough.
//!
//! A failed expectation is a failed test, so everything here panics rather than returns errors.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod case;
mod expected;
mod saved;
mod step;

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::Device;
use lamplight_layers::device::{Backend, DeviceChoice};

pub use case::{Case, reference_cases, run_cases};
pub use expected::{Expected, assert_close};
pub use lamplight_parity::F32_TOLERANCE;
pub use saved::{SavedFolder, assert_same_tensors};
pub use step::{Step, StepTolerance};

/// The variable that names the device tests run on; flex where it is not set.
pub const DEVICE_VARIABLE: &str = "LAMPLIGHT_TEST_DEVICE";

/// The variable that names a folder of reference cases; the committed ones where it is not set.
pub const REFERENCE_VARIABLE: &str = "LAMPLIGHT_REFERENCE";

/// How far a training step in f32 may be off when only the order of additions differs.
pub const F32_STEP: StepTolerance = StepTolerance {
    loss: 1e-5,
    gradient: 1e-5,
};

/// How far a training step in bf16 may be off from f32. On the reference models, whose random
/// weights make much of rounding, the gradient of PyTorch's autocast is off by 0.03 and 0.09 (v1.1
/// and v1.0), and that of a model all in bf16 by 0.05 and 0.10.
pub const BF16_STEP: StepTolerance = StepTolerance {
    loss: 2e-3,
    gradient: 0.1,
};

/// All tests of a process share the one random generator of the device's backend.
static DRAWING: Mutex<()> = Mutex::new(());

/// Held by whoever draws: until it is dropped no other test that asks for it draws, so that the
/// draws after a seed follow from it alone.
pub fn drawing() -> MutexGuard<'static, ()> {
    DRAWING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The device under test as it was named.
///
/// # Panics
/// The name is none.
pub fn test_device_choice() -> DeviceChoice {
    match std::env::var(DEVICE_VARIABLE) {
        Ok(name) => name.parse().expect("a device"),
        Err(_) => DeviceChoice::default(),
    }
}

/// The device under test, opened.
///
/// # Panics
/// The device is not compiled in or not there.
pub fn test_device() -> Device {
    let choice = test_device_choice();
    choice.open().unwrap_or_else(|error| panic!("{error}"))
}

/// Whether the device under test compiles a kernel for every shape, so that a few cases must do.
pub fn compiles_kernels() -> bool {
    !matches!(
        test_device_choice().backend,
        Backend::Flex | Backend::NdArray
    )
}
