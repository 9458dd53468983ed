//! The same in plain tensor operations.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use burn::tensor::{Tensor, activation as functions};

use super::Function;

/// As [`super::activation`].
pub fn activation<const D: usize>(input: Tensor<D>, function: Function) -> Tensor<D> {
    match function {
        Function::Relu => functions::relu(input),
        Function::Gelu => gelu(input),
        Function::GeluTanh => gelu_tanh(input),
        Function::Silu => functions::silu(input),
    }
}

/// As [`super::gated`].
pub fn gated<const D: usize>(gate: Tensor<D>, input: Tensor<D>, function: Function) -> Tensor<D> {
    activation(gate, function) * input
}

/// `x * P(X <= x)` for a standard normal X.
///
/// Written out because Burn's own, on every device but flex, differentiates the tanh approximation: its gradients are
/// off by 1e-3.
fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let doubled = (x.clone() * FRAC_1_SQRT_2).erf() + 1.0;
    x * doubled * 0.5
}

/// With the cube as products: a power function is many times slower.
fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    const SQRT_2_OVER_PI: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
    let inner = x.clone() * (x.clone() * x.clone() * 0.044715 + 1.0) * SQRT_2_OVER_PI;
    x * (inner.tanh() + 1.0) * 0.5
}
