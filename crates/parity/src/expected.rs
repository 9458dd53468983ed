use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::ParityError;

/// Shape and values of a tensor.
type Shaped<T> = (Vec<usize>, Vec<T>);

/// Of which every forward pass has one.
const OUTPUTS: [&str; 4] = [
    "logits",
    "start_logits",
    "last_hidden_state",
    "generator_logits",
];

/// The tensors of an `expected.safetensors`: inputs and outputs of the reference run.
#[derive(Debug, Clone)]
pub struct Expected {
    folder: PathBuf,
    floats: BTreeMap<String, Shaped<f32>>,
    ints: BTreeMap<String, Shaped<i64>>,
    noise: BTreeMap<String, f32>,
    bf16: BTreeMap<String, f32>,
    /// The middle one of those errors.
    bf16_middle: f32,
}

impl Expected {
    /// Reads the tensors of a case's folder and, if they are there, how much of each is rounding.
    ///
    /// # Errors
    /// A file cannot be read or is damaged.
    pub fn read(folder: &Path) -> Result<Self, ParityError> {
        let path = folder.join("expected.safetensors");
        let damaged = |reason: String| ParityError::Damaged {
            path: path.clone(),
            reason,
        };
        let bytes = std::fs::read(&path).map_err(|source| ParityError::Read {
            path: path.clone(),
            source,
        })?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
        let (mut floats, mut ints) = (BTreeMap::new(), BTreeMap::new());
        for (name, view) in file.tensors() {
            let shape = view.shape().to_vec();
            match view.dtype() {
                Dtype::F32 => {
                    floats.insert(name, (shape, values(&view, f32::from_le_bytes)));
                }
                Dtype::I64 => {
                    ints.insert(name, (shape, values(&view, i64::from_le_bytes)));
                }
                other => {
                    return Err(damaged(format!(
                        "`{name}` is {other:?}, neither F32 nor I64"
                    )));
                }
            }
        }
        let bf16 = numbers(&folder.join("bf16.json"))?;
        Ok(Self {
            noise: numbers(&folder.join("noise.json"))?,
            bf16_middle: middle(bf16.values()),
            bf16,
            folder: folder.to_owned(),
            floats,
            ints,
        })
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

    /// The names of the float tensors.
    pub fn float_names(&self) -> impl Iterator<Item = &str> {
        self.floats.keys().map(String::as_str)
    }

    /// Shape and values of a float tensor.
    ///
    /// # Errors
    /// There is none.
    pub fn floats(&self, name: &str) -> Result<(&[usize], &[f32]), ParityError> {
        let found = self.floats.get(name);
        let (shape, values) = found.ok_or_else(|| self.missing("floats", name))?;
        Ok((shape, values))
    }

    /// Shape and values of an integer tensor.
    ///
    /// # Errors
    /// There is none.
    pub fn ints(&self, name: &str) -> Result<(&[usize], &[i64]), ParityError> {
        let found = self.ints.get(name);
        let (shape, values) = found.ok_or_else(|| self.missing("integers", name))?;
        Ok((shape, values))
    }

    /// A float tensor on a device.
    ///
    /// # Errors
    /// There is none.
    ///
    /// # Panics
    /// Its rank is another one.
    pub fn float_tensor<const D: usize>(
        &self,
        name: &str,
        device: &Device,
    ) -> Result<Tensor<D>, ParityError> {
        let (shape, values) = self.floats(name)?;
        let data = TensorData::new(values.to_vec(), shape.to_vec());
        Ok(Tensor::from_data(data, device))
    }

    /// An integer tensor on a device.
    ///
    /// # Errors
    /// There is none.
    ///
    /// # Panics
    /// Its rank is another one.
    pub fn int_tensor<const D: usize>(
        &self,
        name: &str,
        device: &Device,
    ) -> Result<Tensor<D, Int>, ParityError> {
        let (shape, values) = self.ints(name)?;
        let data = TensorData::new(values.to_vec(), shape.to_vec());
        Ok(Tensor::from_data(data, device))
    }

    /// A Hugging Face mask, 1 = keep, as ours, true = padding.
    ///
    /// # Errors
    /// There is none.
    ///
    /// # Panics
    /// Its rank is another one.
    pub fn padding_mask<const D: usize>(
        &self,
        name: &str,
        device: &Device,
    ) -> Result<Tensor<D, Bool>, ParityError> {
        Ok(self.int_tensor::<D>(name, device)?.equal_scalar(0))
    }

    /// The largest difference between the reference's run in f32 and its run in f64.
    pub fn noise(&self, name: &str) -> f32 {
        self.noise.get(name).copied().unwrap_or(0.0)
    }

    /// How far the reference's own run in bf16 is from the one in f32: the root mean square of the difference as a share
    /// of that of the tensor. At least as far as the middle one of the case's tensors, since a single number may be right
    /// by chance.
    pub fn bf16_error(&self, name: &str) -> f32 {
        let own = self.bf16.get(name).copied();
        own.map_or(self.bf16_middle, |own| own.max(self.bf16_middle))
    }

    /// Whether the case records how far the reference is off in bf16.
    pub fn has_bf16_errors(&self) -> bool {
        !self.bf16.is_empty()
    }

    /// Whether the case records a gradient of every parameter.
    pub fn has_gradients(&self) -> bool {
        self.names("grad.").next().is_some()
    }

    /// Whether there are outputs of one pass, not calls of `generate` or the trace of a training run.
    pub(crate) fn is_forward_pass(&self) -> bool {
        let is_training_run = self.names("final.").next().is_some();
        OUTPUTS.iter().any(|name| self.floats.contains_key(*name)) && !is_training_run
    }

    fn missing(&self, kind: &'static str, name: &str) -> ParityError {
        ParityError::Missing {
            case: self.folder.clone(),
            kind,
            name: name.to_owned(),
        }
    }
}

fn values<T, const N: usize>(view: &TensorView<'_>, from_bytes: fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = view.data().as_chunks();
    chunks.iter().map(|&bytes| from_bytes(bytes)).collect()
}

/// Of an even number the upper of the two in the middle; 0 of none.
fn middle<'a>(values: impl Iterator<Item = &'a f32>) -> f32 {
    let mut values: Vec<f32> = values.copied().collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The numbers of a JSON object by name; none where there is no file.
fn numbers(path: &Path) -> Result<BTreeMap<String, f32>, ParityError> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(BTreeMap::new());
    };
    serde_json::from_str(&text).map_err(|error| ParityError::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
