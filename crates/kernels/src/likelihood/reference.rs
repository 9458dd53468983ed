//! The same in plain tensor operations.

use burn::tensor::{Int, Tensor};

use super::Likelihood;

/// As [`super::likelihood`].
pub fn likelihood(logits: Tensor<2>, targets: Tensor<1, Int>) -> Likelihood {
    let shift = logits.clone().detach().max_dim(1); // [rows, 1]
    let log_z = (logits.clone() - shift.clone()).exp().sum_dim(1).log() + shift;
    Likelihood {
        log_z: log_z.squeeze_dim(1),
        target_logit: logits.gather(1, targets.unsqueeze_dim(1)).squeeze_dim(1),
    }
}
