use burn::tensor::Distribution;
use lamplight_testing::{drawing, test_device};

use super::*;

const CLOSE: Accuracy = Accuracy {
    relative: 1e-4,
    absolute: 1e-6,
    max_gradients: 2000,
    batch: 5,
};

fn path(width: usize) -> Path {
    let (_drawing, device) = (drawing(), test_device());
    device.seed(1);
    let draw = || Tensor::random([1, 3, width], Distribution::Normal(0.0, 1.0), &device);
    Path {
        baseline: draw(),
        input: draw(),
    }
}

/// `[rows, length, width]` to the product of each position's vector with `[1, 1, width]`, `[rows, length]`.
fn products(x: Tensor<3>) -> Tensor<2> {
    let [_, _, width] = x.dims();
    let weights = Tensor::arange(1..width as i64 + 1, &x.device()).float();
    (x * weights.unsqueeze_dims::<3>(&[0, 1]))
        .sum_dim(2)
        .squeeze_dim(2)
}

#[test]
fn what_is_linear_is_attributed_exactly_with_the_first_gradients() {
    let path = path(4);
    let integral = integrated_gradients(&path, &CLOSE, |x| products(x).sum_dim(1).squeeze_dim(1));
    let expected = host(products(path.input) - products(path.baseline));
    assert_eq!(integral.num_gradients, NUM_NODES * NUM_PIECES_AT_FIRST);
    for (value, expected) in integral.values.iter().zip(expected) {
        assert!((value - f64::from(expected)).abs() < 1e-5, "{integral:?}");
    }
    let difference = integral.score - integral.baseline_score;
    assert!((integral.values.iter().sum::<f64>() - difference).abs() < 2e-5);
}

/// The integral of a product of two linear functions is known.
#[test]
fn a_product_is_shared_by_its_factors() {
    let path = path(4);
    let integral = integrated_gradients(&path, &CLOSE, |x| {
        let sides = products(x);
        let side = |place| sides.clone().narrow(1, place, 1).squeeze_dim::<1>(1);
        side(0) * side(1)
    });
    let [start, end] = [path.baseline, path.input].map(|x| host(products(x)));
    let half = |one: usize, other: usize| {
        f64::from((end[one] - start[one]) * (end[other] + start[other]) / 2.0)
    };
    for (value, expected) in integral.values.iter().zip([half(0, 1), half(1, 0), 0.0]) {
        assert!((value - expected).abs() < 1e-4, "{integral:?}");
    }
}

/// A step that lies anywhere is found by halving the pieces that it is in.
#[test]
fn a_steep_score_takes_more_gradients_where_it_is_steep() {
    let at = |value| Tensor::full([1, 3, 2], value, &test_device());
    let path = Path {
        baseline: at(-0.3),
        input: at(1.0),
    };
    let steep = |x: Tensor<3>| {
        let sum = products(x).sum_dim(1).squeeze_dim::<1>(1);
        (sum * 20.0).tanh() * 3.0
    };
    let integral = integrated_gradients(&path, &CLOSE, steep);
    assert!(integral.num_gradients > NUM_NODES * NUM_PIECES_AT_FIRST);
    let sum: f64 = integral.values.iter().sum();
    let off = (sum - (integral.score - integral.baseline_score)).abs();
    assert_eq!(off, integral.error);
    assert!(off <= integral.tolerance, "{integral:?}");

    let few = Accuracy {
        max_gradients: NUM_NODES * NUM_PIECES_AT_FIRST,
        ..CLOSE
    };
    let coarse = integrated_gradients(&path, &few, steep);
    assert_eq!(coarse.num_gradients, few.max_gradients);
    assert!(coarse.error > coarse.tolerance, "{coarse:?}");
}

#[test]
fn batches_change_nothing_and_what_nothing_depends_on_gets_nothing() {
    let path = path(4);
    let score = |x: Tensor<3>| products(x).sum_dim(1).squeeze_dim::<1>(1).square();
    let one = integrated_gradients(&path, &Accuracy { batch: 1, ..CLOSE }, score);
    let many = integrated_gradients(&path, &Accuracy { batch: 64, ..CLOSE }, score);
    for (one, many) in one.values.iter().zip(&many.values) {
        assert!((one - many).abs() < 1e-4 * one.abs().max(1.0));
    }
    let nothing = integrated_gradients(&path, &CLOSE, |x| {
        let [rows, _, _] = x.dims();
        Tensor::ones([rows], &x.device())
    });
    assert_eq!((nothing.values, nothing.error), (vec![0.0; 3], 0.0));
}

#[test]
fn a_score_that_is_no_number_ends_and_reaches_nothing() {
    let integral = integrated_gradients(&path(4), &CLOSE, |x| {
        products(x).sum_dim(1).squeeze_dim(1) / 0.0 * 0.0
    });
    assert!(integral.error > integral.tolerance);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(20))]

    #[test]
    fn the_rule_is_exact_for_polynomials_up_to_degree_15(degree in 0_i32..16, start in -1.0..1.0_f64, length in 0.1..1.0_f64) {
        let end = |place| End { place, score: 0.0 };
        let found: f64 = nodes(&(end(start), end(start + length)))
            .iter()
            .map(|(node, weight)| weight * node.powi(degree))
            .sum();
        let integral = |x: f64| x.powi(degree + 1) / f64::from(degree + 1);
        let expected = integral(start + length) - integral(start);
        let size = integral(start.abs() + length);
        proptest::prop_assert!((found - expected).abs() < 1e-14 * size.max(1.0));
    }
}
