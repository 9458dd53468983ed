use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::F32_TOLERANCE;

/// The tensors of an `expected.safetensors`: inputs and outputs of the reference run.
#[derive(Debug)]
pub struct Expected {
    floats: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    ints: BTreeMap<String, (Vec<usize>, Vec<i64>)>,
    noise: Value,
    checked: RefCell<BTreeSet<String>>,
}

impl Expected {
    /// Reads the tensors of a case folder and, if there, the noise of each.
    ///
    /// # Panics
    /// A file is missing or damaged.
    pub fn read(folder: &Path) -> Self {
        let bytes = std::fs::read(folder.join("expected.safetensors")).expect("expected tensors");
        let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let noise = std::fs::read_to_string(folder.join("noise.json")).unwrap_or_default();
        let mut expected = Self {
            floats: BTreeMap::new(),
            ints: BTreeMap::new(),
            noise: serde_json::from_str(&noise).unwrap_or(Value::Null),
            checked: RefCell::default(),
        };
        for (name, view) in file.tensors() {
            let shape = view.shape().to_vec();
            if view.dtype() == Dtype::F32 {
                let values = view
                    .data()
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&b| f32::from_le_bytes(b));
                expected.floats.insert(name, (shape, values.collect()));
            } else {
                assert_eq!(view.dtype(), Dtype::I64, "{name}");
                let values = view
                    .data()
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&b| i64::from_le_bytes(b));
                expected.ints.insert(name, (shape, values.collect()));
            }
        }
        expected
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.floats.contains_key(name) || self.ints.contains_key(name)
    }

    /// The names that start with `prefix`.
    pub fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let names = self.floats.keys().chain(self.ints.keys());
        names
            .map(String::as_str)
            .filter(move |name| name.starts_with(prefix))
    }

    /// Shape and values of a float tensor.
    ///
    /// # Panics
    /// There is none.
    pub fn floats(&self, name: &str) -> (&[usize], &[f32]) {
        let (shape, values) = self
            .floats
            .get(name)
            .unwrap_or_else(|| panic!("no floats `{name}`"));
        (shape, values)
    }

    /// Shape and values of an integer tensor.
    ///
    /// # Panics
    /// There is none.
    pub fn ints(&self, name: &str) -> (&[usize], &[i64]) {
        let (shape, values) = self
            .ints
            .get(name)
            .unwrap_or_else(|| panic!("no ints `{name}`"));
        (shape, values)
    }

    /// A float tensor on a device.
    ///
    /// # Panics
    /// There is none of this rank.
    pub fn float_tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (shape, values) = self.floats(name);
        Tensor::from_data(TensorData::new(values.to_vec(), shape.to_vec()), device)
    }

    /// An integer tensor on a device.
    ///
    /// # Panics
    /// There is none of this rank.
    pub fn int_tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D, Int> {
        let (shape, values) = self.ints(name);
        Tensor::from_data(TensorData::new(values.to_vec(), shape.to_vec()), device)
    }

    /// A Hugging Face mask, 1 = keep, as ours, true = padding.
    ///
    /// # Panics
    /// There is none of this rank.
    pub fn padding_mask<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D, Bool> {
        self.int_tensor::<D>(name, device).equal_scalar(0)
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
        let noise = self.noise[name].as_f64().unwrap_or(0.0) as f32;
        assert_close(name, values, expected, F32_TOLERANCE, 10.0 * noise);
        self.checked.borrow_mut().insert(name.to_owned());
    }

    /// The expectations under `prefix` that nothing was compared with.
    pub fn unchecked(&self, prefix: &str) -> Vec<&str> {
        let checked = self.checked.borrow();
        let floats = self.floats.keys().map(String::as_str);
        floats
            .filter(|name| name.starts_with(prefix) && !checked.contains(*name))
            .collect()
    }
}

/// Asserts `|actual - expected| <= max(tolerance * max(|expected|, scale), noise)`, where `scale`
/// is the root mean square of what is expected.
///
/// # Panics
/// An element is further away, or the lengths differ.
pub fn assert_close(name: &str, actual: &[f32], expected: &[f32], tolerance: f32, noise: f32) {
    assert_eq!(actual.len(), expected.len(), "elements of `{name}`");
    let squares: f64 = expected.iter().map(|&value| f64::from(value).powi(2)).sum();
    let scale = (squares / expected.len().max(1) as f64).sqrt() as f32;
    for (index, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
        let allowed = (tolerance * expected.abs().max(scale))
            .max(noise)
            .max(f32::MIN_POSITIVE);
        let difference = (actual - expected).abs();
        assert!(
            difference <= allowed,
            "`{name}`[{index}] is {actual}, expected {expected}: off by {difference}, allowed {allowed}"
        );
    }
}
