//! Likelihoods.

use burn::tensor::{Int, Tensor, TensorData};
use lamplight_kernels::likelihood::{Likelihood, likelihood, reference};
use lamplight_testing::test_device;

use crate::{SHAPES, assert_all_close, random, results};

#[test]
fn likelihoods_are_those_of_the_reference() {
    let device = test_device().autodiff();
    for [rows, classes] in SHAPES {
        let logits = random([rows, classes], &device);
        let targets: Vec<i64> = (0..rows).map(|row| (row * 31 % classes) as i64).collect();
        let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [rows]), &device);
        // Some rows without weight, as padding has.
        let weights = Tensor::<1, Int>::arange(0..rows as i64, &device).float() % 3.0;
        let loss = |both: Likelihood| {
            (both.log_z.clone() - both.target_logit) * weights.clone()
                + both.log_z.square() * 0.1 * weights.clone()
        };
        let ours = results(
            loss(likelihood(logits.clone(), targets.clone())),
            &[&logits],
            &[],
        );
        let theirs = loss(reference::likelihood(logits.clone(), targets));
        assert_all_close("likelihood", &ours, &results(theirs, &[&logits], &[]));
    }
}
