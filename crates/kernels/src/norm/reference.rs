//! The same in plain tensor operations.

use burn::tensor::{DType, Tensor, module::layer_norm};

use super::{NormParameters, NormSettings};

/// As [`super::norm`].
pub fn norm<const D: usize>(
    input: Tensor<D>,
    parameters: NormParameters,
    settings: NormSettings,
) -> Tensor<D> {
    let dtype = input.dtype();
    in_f32(input.cast(DType::F32), parameters, settings).cast(dtype)
}

fn in_f32<const D: usize>(
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
