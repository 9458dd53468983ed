//! What becomes of a parameter whose values are replaced.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{GradientCheckpointingStrategy, Tensor};
use lamplight_kernels::cards;

/// How a parameter stands to gradients.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    /// None of a tensor that is not on a device with gradients.
    strategy: Option<GradientCheckpointingStrategy>,
    is_trained: bool,
}

impl Leaf {
    /// As this parameter does.
    pub fn of<const D: usize>(parameter: &Tensor<D>) -> Self {
        Self {
            strategy: parameter.gradient_checkpointing_strategy(),
            is_trained: parameter.is_require_grad(),
        }
    }

    /// A parameter of these values, which are on a device without gradients.
    pub fn with<const D: usize>(self, values: Tensor<D>) -> Tensor<D> {
        let Some(strategy) = self.strategy else {
            return values;
        };
        Tensor::from_inner(values)
            .with_gradient_checkpointing_strategy(strategy)
            .set_require_grad(self.is_trained)
    }
}

/// The model whose parameters stay for as long as the process, as [`cards::keep`] has them.
pub fn keep_all<M: Module>(model: M) -> M {
    model.map(&mut Keeping)
}

struct Keeping;

impl ModuleMapper for Keeping {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| Leaf::of(&tensor).with(cards::keep(tensor.inner())))
    }
}
