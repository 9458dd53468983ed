use std::ops::Deref;
use std::path::Path;

use burn::tensor::{Bool, Device, Int, Tensor};
use lamplight_parity::{F32_TOLERANCE, ParityError, furthest};

/// The tensors of an `expected.safetensors`: inputs and outputs of the reference run.
#[derive(Debug)]
pub struct Expected(lamplight_parity::Expected);

impl Deref for Expected {
    type Target = lamplight_parity::Expected;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

fn found<T>(result: Result<T, ParityError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

impl Expected {
    /// Reads the tensors of a case folder and, if there, the noise of each.
    ///
    /// # Panics
    /// A file is missing or damaged.
    pub fn read(folder: &Path) -> Self {
        Self(found(lamplight_parity::Expected::read(folder)))
    }

    /// Shape and values of a float tensor.
    ///
    /// # Panics
    /// There is none.
    pub fn floats(&self, name: &str) -> (&[usize], &[f32]) {
        found(self.0.floats(name))
    }

    /// Shape and values of an integer tensor.
    ///
    /// # Panics
    /// There is none.
    pub fn ints(&self, name: &str) -> (&[usize], &[i64]) {
        found(self.0.ints(name))
    }

    /// A float tensor on a device.
    ///
    /// # Panics
    /// There is none of this rank.
    pub fn float_tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        found(self.0.float_tensor(name, device))
    }

    /// An integer tensor on a device.
    ///
    /// # Panics
    /// There is none of this rank.
    pub fn int_tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D, Int> {
        found(self.0.int_tensor(name, device))
    }

    /// A Hugging Face mask, 1 = keep, as ours, true = padding.
    ///
    /// # Panics
    /// There is none of this rank.
    pub fn padding_mask<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D, Bool> {
        found(self.0.padding_mask(name, device))
    }

    /// Asserts that `actual` is the expected tensor within the tolerance: 1e-4, or ten times the
    /// rounding noise of the case, whichever is larger; relative to the expected value and, so
    /// that small elements of large tensors count by what matters, to the tensor's largest one.
    ///
    /// # Panics
    /// It is not, or there is no such expectation.
    pub fn assert<const D: usize>(&self, name: &str, actual: Tensor<D>) {
        let shape = actual.dims();
        let values = actual
            .into_data()
            .convert::<f32>()
            .try_to_vec::<f32>()
            .unwrap();
        self.assert_values(name, &shape, &values);
    }

    /// [`Self::assert`] for values already on the host.
    ///
    /// # Panics
    /// As there.
    pub fn assert_values(&self, name: &str, shape: &[usize], values: &[f32]) {
        let (expected_shape, expected) = self.floats(name);
        // Hugging Face's scalars have no axis, Burn's have one.
        if !expected_shape.is_empty() {
            assert_eq!(shape, expected_shape, "shape of `{name}`");
        }
        let noise = 10.0 * self.noise(name);
        assert_close(name, values, expected, F32_TOLERANCE, noise);
    }
}

/// Asserts `|actual - expected| <= max(tolerance * max(|expected|, scale), noise)`, where `scale`
/// is the root mean square of what is expected.
///
/// # Panics
/// An element is further away, or the lengths differ.
pub fn assert_close(name: &str, actual: &[f32], expected: &[f32], tolerance: f32, noise: f32) {
    assert_eq!(actual.len(), expected.len(), "elements of `{name}`");
    let found = furthest(actual, expected, tolerance, noise);
    let index = found.index;
    assert!(
        found.share <= 1.0,
        "`{name}`[{index}] is {}, expected {}: off by {} times what is allowed",
        actual[index],
        expected[index],
        found.share
    );
}
