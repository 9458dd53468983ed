//! The same in plain tensor operations.

use burn::tensor::{DType, Int, Tensor};

use super::Likelihood;

/// As [`super::likelihood`]; what a target that is no class does is up to the device.
pub fn likelihood(logits: Tensor<2>, targets: Tensor<1, Int>) -> Likelihood {
    let logits = logits.cast(DType::F32);
    let shift = logits.clone().detach().max_dim(1); // [rows, 1]
    let log_z = (logits.clone() - shift.clone()).exp().sum_dim(1).log() + shift;
    Likelihood {
        log_z: log_z.squeeze_dim(1),
        target_logit: logits.gather(1, targets.unsqueeze_dim(1)).squeeze_dim(1),
    }
}
