//! The parameters of a model by their paths in it, out of it and into another one of the same shapes.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

use crate::f32_tensors::{self, Tensors};

/// Values in f32 by the paths of their parameters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weights(Tensors);

/// Why weights do not fit.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The bytes are no safetensors file of f32 tensors.
    #[error("the weights cannot be read: {0}")]
    Unreadable(String),
    /// A parameter of the model has no value.
    #[error("the weights lack `{0}`")]
    Missing(String),
    /// A value belongs to no parameter of the model.
    #[error("the model has no `{0}`")]
    Foreign(String),
    /// A value has another shape than its parameter.
    #[error("`{path}` has shape {found:?}, the model needs {expected:?}")]
    Misshapen {
        /// The parameter.
        path: String,
        /// The shape of the value.
        found: Vec<usize>,
        /// The shape of the parameter.
        expected: Vec<usize>,
    },
}

impl Weights {
    /// The values of all parameters whose path is wanted.
    pub(crate) fn of<M: Module>(model: &M, is_wanted: fn(&str) -> bool) -> Self {
        let mut reading = Reading {
            is_wanted,
            path: Vec::new(),
            weights: Self::default(),
        };
        model.visit(&mut reading);
        reading.weights
    }

    /// The model with these values in place of those of the same parameters; `is_wanted` says which
    /// parameters must have one.
    ///
    /// # Errors
    /// A value is missing, too many or of another shape.
    pub(crate) fn into<M: Module>(
        self,
        model: M,
        is_wanted: fn(&str) -> bool,
    ) -> Result<M, WeightsError> {
        let mut writing = Writing {
            is_wanted,
            path: Vec::new(),
            weights: self,
            error: None,
        };
        let model = model.map(&mut writing);
        if let Some(error) = writing.error {
            return Err(error);
        }
        match writing.weights.0.into_keys().next() {
            Some(path) => Err(WeightsError::Foreign(path)),
            None => Ok(model),
        }
    }

    /// The same a level down: each path with this prefix.
    pub(crate) fn under(self, prefix: &str) -> Self {
        let moved = self.0.into_iter();
        Self(
            moved
                .map(|(path, value)| (format!("{prefix}{path}"), value))
                .collect(),
        )
    }

    /// Numbers in all values.
    pub(crate) fn num_elements(&self) -> usize {
        self.0.values().map(TensorData::num_elements).sum()
    }

    /// The bytes of a safetensors file.
    ///
    /// # Errors
    /// A value's size does not fit its shape.
    pub(crate) fn to_safetensors(&self) -> Result<Vec<u8>, WeightsError> {
        f32_tensors::to_bytes(&self.0, None).map_err(WeightsError::Unreadable)
    }

    /// Reads what [`Self::to_safetensors`] made.
    ///
    /// # Errors
    /// The bytes are none, or hold another type.
    pub(crate) fn from_safetensors(bytes: &[u8]) -> Result<Self, WeightsError> {
        let read = f32_tensors::from_bytes(bytes, "").map_err(WeightsError::Unreadable);
        read.map(|(tensors, _)| Self(tensors))
    }
}

struct Reading {
    is_wanted: fn(&str) -> bool,
    path: Vec<String>,
    weights: Weights,
}

impl ModuleVisitor for Reading {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        if (self.is_wanted)(&path) {
            let data = param.base().into_data().convert::<f32>();
            self.weights.0.insert(path, data);
        }
    }
}

struct Writing {
    is_wanted: fn(&str) -> bool,
    path: Vec<String>,
    weights: Weights,
    error: Option<WeightsError>,
}

impl ModuleMapper for Writing {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.join(".");
        if !(self.is_wanted)(&path) || self.error.is_some() {
            return param;
        }
        let expected = param.lazy_shape().to_vec();
        match self.weights.0.remove(&path) {
            None => self.error = Some(WeightsError::Missing(path)),
            Some(data) if data.shape().to_vec() != expected => {
                self.error = Some(WeightsError::Misshapen {
                    path,
                    found: data.shape().to_vec(),
                    expected,
                });
            }
            Some(data) => {
                let device = param.lazy_device();
                let (id, _, mapper) = param.consume();
                let value = Tensor::from_data(data, &device).require_grad();
                return Param::from_mapped_value(id, value, mapper);
            }
        }
        param
    }
}
