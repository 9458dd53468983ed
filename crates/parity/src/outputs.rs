use burn::module::Module;
use burn::tensor::{Int, Tensor};
use lamplight_layers::pretrained::{Gradient, NameTable, collect};

use crate::{Expected, ParityError};

/// A tensor that a model gave.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    /// The reference's name of it.
    pub name: String,
    /// Its shape here, in which a scalar has one axis.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Values,
}

/// The values of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    /// Numbers that may be rounded.
    Floats(Vec<f32>),
    /// Ids or labels.
    Ints(Vec<i64>),
}

/// What the model of a case gave so far.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    all: Vec<Output>,
}

impl Outputs {
    pub fn floats<const D: usize>(
        &mut self,
        name: impl Into<String>,
        tensor: Tensor<D>,
    ) -> Result<(), ParityError> {
        let shape = tensor.dims().to_vec();
        let values = tensor.try_into_vec_as()?;
        self.push(name.into(), shape, Values::Floats(values));
        Ok(())
    }

    pub fn ints<const D: usize>(
        &mut self,
        name: &str,
        tensor: Tensor<D, Int>,
    ) -> Result<(), ParityError> {
        let shape = tensor.dims().to_vec();
        let values = tensor.try_into_vec_as()?;
        self.push(name.to_owned(), shape, Values::Ints(values));
        Ok(())
    }

    /// The same of each layer, as far as the case records it.
    pub fn layers<const D: usize>(
        &mut self,
        expected: &Expected,
        prefix: &str,
        tensors: Vec<Tensor<D>>,
    ) -> Result<(), ParityError> {
        for (layer, tensor) in tensors.into_iter().enumerate() {
            let name = format!("{prefix}.{layer}");
            if expected.has(&name) {
                self.floats(name, tensor)?;
            }
        }
        Ok(())
    }

    /// The loss, and its gradient by every parameter where the case records them.
    pub fn loss<M: Module>(
        &mut self,
        expected: &Expected,
        loss: Tensor<1>,
        model: &M,
        names: &NameTable,
        reference_name: impl Fn(String) -> String,
    ) -> Result<(), ParityError> {
        self.floats("loss", loss.clone())?;
        if !expected.has_gradients() {
            return Ok(());
        }
        let gradients = loss.backward();
        for (name, gradient) in collect(model, names, &Gradient(&gradients))? {
            let name = format!("grad.{}", reference_name(name));
            self.push(name, gradient.shape, Values::Floats(gradient.values));
        }
        Ok(())
    }

    pub fn into_all(self) -> Vec<Output> {
        self.all
    }

    fn push(&mut self, name: String, shape: Vec<usize>, values: Values) {
        self.all.push(Output {
            name,
            shape,
            values,
        });
    }
}
