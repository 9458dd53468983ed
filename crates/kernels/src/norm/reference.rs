//! The same in plain tensor operations.

use burn::tensor::{Tensor, module::layer_norm};

use super::{NormParameters, NormSettings};

/// As [`super::norm`].
pub fn norm<const D: usize>(
    input: Tensor<D>,
    parameters: NormParameters,
    settings: NormSettings,
) -> Tensor<D> {
    let NormParameters { gamma, beta } = parameters;
    if settings.is_centered {
        return layer_norm(input, gamma, beta, settings.epsilon);
    }
    let mean_square = input.clone().square().mean_dim(D - 1);
    let normed = input / (mean_square + settings.epsilon).sqrt() * gamma.unsqueeze();
    match beta {
        Some(beta) => normed + beta.unsqueeze(),
        None => normed,
    }
}
