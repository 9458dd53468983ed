//! The same in plain tensor operations.

use burn::tensor::{Distribution, Int, Tensor};

/// Keeps the logarithms finite.
const EPSILON: f64 = 1e-9;

/// As [`super::categorical`], by the Gumbel-max trick, `argmax(logits + gumbel)` (Maddison et al. 2014, "A* Sampling").
pub fn categorical(logits: Tensor<2>) -> Tensor<1, Int> {
    let uniform = Distribution::Uniform(0.0, 1.0);
    let u = Tensor::<2>::random(logits.dims(), uniform, &logits.device());
    let u = u.cast(logits.dtype());
    let gumbel = ((u + EPSILON).log().neg() + EPSILON).log().neg();
    (logits + gumbel).argmax(1).squeeze_dim(1)
}
