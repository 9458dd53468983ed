//! Operations on all gradients of a module at once.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Gradients, Tensor};
use burn_optim::GradientsParams;
use lamplight_kernels::cast::Casts;
use lamplight_kernels::sum_of_squares::SumOfSquares;

/// Adds to `total` what a backward pass found for the parameters of `module`, in f32.
pub fn add<M: Module>(module: &M, found: Gradients, total: &mut GradientsParams) {
    let mut adding = Adding {
        found,
        total,
        casts: Casts::new(DType::F32),
    };
    module.visit(&mut adding);
    adding.casts.finish();
}

/// Gradients of a module and what they are multiplied by.
pub struct ScaledGradients {
    /// By the module's parameters.
    pub gradients: GradientsParams,
    /// `[1]` on their device; none for 1. NaN where nothing is to change: see [`ModelOptimizer::is_guarded`].
    ///
    /// [`ModelOptimizer::is_guarded`]: crate::optimizer::ModelOptimizer::is_guarded
    pub factor: Option<Tensor<1>>,
}

impl From<GradientsParams> for ScaledGradients {
    fn from(gradients: GradientsParams) -> Self {
        Self {
            gradients,
            factor: None,
        }
    }
}

/// The root of the sum of squares of all gradients, `[1]`, on the device; `None` without gradients.
pub fn global_norm<M: Module>(module: &M, gradients: &GradientsParams) -> Option<Tensor<1>> {
    let mut squares = Squares {
        gradients,
        sum: SumOfSquares::default(),
    };
    module.visit(&mut squares);
    squares.sum.finish().map(Tensor::sqrt)
}

struct Adding<'a> {
    found: Gradients,
    total: &'a mut GradientsParams,
    casts: Casts,
}

impl ModuleVisitor for Adding<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = param.val().grad_remove(&mut self.found) else {
            return;
        };
        let sum = match self.total.remove(param.id) {
            Some(sum) => sum + gradient.cast(DType::F32),
            None => self.casts.add(gradient),
        };
        self.total.register(param.id, sum);
    }
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sum: SumOfSquares,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sum.add(gradient);
        }
    }
}
