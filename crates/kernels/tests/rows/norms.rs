//! Norms.

use burn::tensor::DType;
use lamplight_kernels::norm::{NormParameters, NormSettings, norm, reference};
use lamplight_testing::{assert_close, test_device};

use crate::{HALVES, SHAPES, assert_all_close, random, results, results_of, row};

#[test]
fn norms_are_those_of_the_reference() {
    let device = test_device().autodiff();
    for shape in SHAPES {
        let (input, gamma, beta) = (
            random(shape, &device),
            row(shape[1], &device),
            row(shape[1], &device),
        );
        let centered = NormSettings {
            is_centered: true,
            epsilon: 1e-3,
        };
        let parameters = NormParameters {
            gamma: gamma.clone(),
            beta: Some(beta.clone()),
        };
        let ours = results(
            norm(input.clone(), parameters.clone(), centered),
            &[&input],
            &[&gamma, &beta],
        );
        let theirs = reference::norm(input.clone(), parameters.clone(), centered);
        assert_all_close(
            "centered",
            &ours,
            &results(theirs, &[&input], &[&gamma, &beta]),
        );

        let by_root = NormSettings {
            is_centered: false,
            epsilon: 1e-6,
        };
        let parameters = NormParameters {
            beta: None,
            ..parameters
        };
        let ours = results(
            norm(input.clone(), parameters.clone(), by_root),
            &[&input],
            &[&gamma],
        );
        let theirs = reference::norm(input.clone(), parameters, by_root);
        assert_all_close("by root", &ours, &results(theirs, &[&input], &[&gamma]));
    }
}

#[test]
fn no_rows_are_normed_to_none() {
    let device = test_device().autodiff();
    let (input, gamma) = (random([0, 7], &device), row(7, &device));
    let parameters = NormParameters {
        gamma: gamma.clone(),
        beta: None,
    };
    let settings = NormSettings {
        is_centered: true,
        epsilon: 1e-6,
    };
    let found = results(
        norm(input.clone(), parameters, settings),
        &[&input],
        &[&gamma],
    );
    assert_eq!(found, [vec![], vec![], vec![0.0; 7]]);
}

/// Both compute in f32, so that they differ by the rounding of what they give.
#[test]
fn norms_of_half_precision_are_off_by_a_few_roundings() {
    let device = test_device().autodiff();
    for (dtype, rounding) in HALVES {
        if !device.supports_dtype(dtype) {
            continue;
        }
        let (input, gamma, beta) = (
            random([70, 33], &device),
            row(33, &device),
            row(33, &device),
        );
        let parameters = NormParameters {
            gamma: gamma.clone(),
            beta: Some(beta.clone()),
        };
        let factors = random([70, 33], &device).detach();
        for is_centered in [false, true] {
            let settings = NormSettings {
                is_centered,
                epsilon: 1e-6,
            };
            let half = || input.clone().cast(dtype);
            let ours = norm(half(), parameters.clone(), settings);
            assert_eq!(ours.dtype(), dtype);
            let theirs = reference::norm(half(), parameters.clone(), settings);
            let [ours, theirs] = [ours, theirs].map(|output| {
                let output = output.cast(DType::F32);
                // Linear, so that a rounding of the output does not change what comes from above.
                let loss = output.clone() * factors.clone();
                results_of(loss, output, &[&input], &[&gamma, &beta])
            });
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_close("half precision", ours, theirs, 4.0 * rounding, 0.0);
            }
        }
    }
}
