//! What the tests of the workspace share: the device under test, the reference cases, and how
//! close is close enough.
//!
//! A failed expectation is a failed test, so everything here panics rather than returns errors.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod case;
mod expected;
mod saved;
mod step;

use burn::tensor::Device;
use lamplight_layers::device::{Backend, DeviceChoice};

pub use case::{Case, reference_cases, run_cases};
pub use expected::{Expected, assert_close};
pub use saved::{SavedFolder, assert_same_tensors};
pub use step::{Step, assert_tracks, relative_error};

/// The variable that names the device tests run on; flex where it is not set.
pub const DEVICE_VARIABLE: &str = "LAMPLIGHT_TEST_DEVICE";

/// The variable that names a folder of reference cases; the committed ones where it is not set.
pub const REFERENCE_VARIABLE: &str = "LAMPLIGHT_REFERENCE";

/// Relative and absolute tolerance of f32 results against the reference.
pub const F32_TOLERANCE: f32 = 1e-4;

/// Relative error, by the norm over all elements, of a loss or gradient computed in bf16: each
/// operation rounds to 8 bits, 2^-9 = 0.002 at most, and a model chains dozens.
pub const BF16_TOLERANCE: f32 = 0.03;

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
