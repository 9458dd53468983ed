//! Operations on all gradients of a module at once.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Gradients, Tensor};
use burn_optim::GradientsParams;

/// Adds to `total` what a backward pass found for the parameters of `module`, in f32.
pub fn add<M: Module>(module: &M, found: Gradients, total: &mut GradientsParams) {
    module.visit(&mut Adding { found, total });
}

/// Scales all gradients by one factor so that their joint norm is at most `limit`:
/// `limit / max(norm, limit)`. Everything stays on the device; nothing is read back.
///
/// Returns the scaled gradients and the norm before scaling, `[1]`; no norm when the module has no
/// gradient at all.
pub fn clip_global_norm<M: Module>(
    module: &M,
    gradients: GradientsParams,
    limit: f64,
) -> (GradientsParams, Option<Tensor<1>>) {
    let Some(norm) = global_norm(module, &gradients) else {
        return (gradients, None);
    };
    let factor = norm.clone().clamp_min(limit).recip().mul_scalar(limit);
    let mut scaling = Scaling {
        factor,
        gradients,
        scaled: GradientsParams::new(),
    };
    module.visit(&mut scaling);
    (scaling.scaled, Some(norm))
}

/// The root of the sum of squares of all gradients, `[1]`, on the device; `None` without gradients.
pub fn global_norm<M: Module>(module: &M, gradients: &GradientsParams) -> Option<Tensor<1>> {
    let mut sum = SumOfSquares {
        gradients,
        sum: None,
    };
    module.visit(&mut sum);
    sum.sum.map(Tensor::sqrt)
}

struct Adding<'a> {
    found: Gradients,
    total: &'a mut GradientsParams,
}

impl ModuleVisitor for Adding<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = param.val().grad_remove(&mut self.found) else {
            return;
        };
        let gradient = gradient.cast(DType::F32);
        let sum = match self.total.remove(param.id) {
            Some(sum) => sum + gradient,
            None => gradient,
        };
        self.total.register(param.id, sum);
    }
}

struct SumOfSquares<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for SumOfSquares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let squares = gradient.square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + squares,
                None => squares,
            });
        }
    }
}

struct Scaling {
    factor: Tensor<1>,
    gradients: GradientsParams,
    scaled: GradientsParams,
}

impl ModuleVisitor for Scaling {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let scaled = gradient * self.factor.clone().reshape([1; D]);
            self.scaled.register(param.id, scaled);
        }
    }
}
