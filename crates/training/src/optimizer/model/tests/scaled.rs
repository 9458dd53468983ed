//! Gradients times a factor, and steps whose factor is no number.

use super::*;

/// The same gradients, each times a number.
fn times(
    model: &T5ForConditionalGeneration,
    gradients: GradientsParams,
    factor: f64,
) -> GradientsParams {
    struct Times(f64, GradientsParams, GradientsParams);
    impl ModuleVisitor for Times {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.1.remove::<D>(param.id) {
                self.2.register(param.id, gradient * self.0);
            }
        }
    }
    let mut times = Times(factor, gradients, GradientsParams::new());
    model.visit(&mut times);
    times.2
}

fn scaled(gradients: GradientsParams, factor: f32) -> ScaledGradients {
    ScaledGradients {
        gradients,
        factor: Some(Tensor::from_floats([factor], &test_device())),
    }
}

#[test]
fn a_factor_counts_as_if_each_gradient_were_multiplied_by_it() {
    let folder = tempfile::tempdir().unwrap();
    new_model().save_pretrained(folder.path()).unwrap();
    let device = test_device().autodiff();
    let loaded = folder.path().to_owned();
    let load = || T5ForConditionalGeneration::from_pretrained(&loaded, &device).unwrap();
    let out = tempfile::tempdir().unwrap();
    for keys in KINDS {
        let update = |by_factor: bool| {
            let model = load();
            let mut optimizer = new_optimizer(keys, &model);
            let gradients = gradients(&model, 0);
            let gradients = match by_factor {
                true => scaled(gradients, 0.25),
                false => times(&model, gradients, 0.25).into(),
            };
            values(&optimizer.step(0.01, model, gradients), out.path())
        };
        assert!(update(true) == update(false), "{keys}");
    }
}

#[test]
fn a_step_that_is_taken_back_leaves_every_bit_and_the_count() {
    let folder = tempfile::tempdir().unwrap();
    for keys in &KINDS[..3] {
        for num_before in [0, 2] {
            let model = new_model();
            let mut optimizer = new_optimizer(keys, &model);
            assert!(optimizer.is_guarded(), "{keys}");
            let model = train(model, &mut optimizer, 0..num_before);
            let before = (values(&model, folder.path()), optimizer.state());
            let bad = times(&model, gradients(&model, 7), f64::NAN);
            let model = optimizer.step(0.01, model, scaled(bad, f32::NAN));
            optimizer.take_back();
            let state = optimizer.state();
            assert!(values(&model, folder.path()) == before.0, "{keys}");
            assert_eq!(state.tensors, before.1.tensors, "{keys}");
            assert_eq!(state.counts, before.1.counts, "{keys}");
            assert_eq!(state.untouched, before.1.untouched, "{keys}");
        }
    }
}

#[test]
fn a_step_without_gradients_has_no_count_to_take_back() {
    let model = new_model();
    let mut optimizer = new_optimizer(KINDS[0], &model);
    let model = train(model, &mut optimizer, 0..2);
    let before = optimizer.state().counts;
    optimizer.step(0.01, model, GradientsParams::new());
    optimizer.take_back();
    assert_eq!(optimizer.state().counts, before);
}

#[test]
fn one_rule_that_is_composed_of_operations_leaves_the_optimizer_unguarded() {
    let model = new_model();
    let guarded = KINDS.map(|keys| new_optimizer(keys, &model).is_guarded());
    let expected = [true, true, true, false, false, false, false, false];
    assert_eq!(guarded, expected);
}
