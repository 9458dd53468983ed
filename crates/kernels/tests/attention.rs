//! Attention against its reference, gradients included.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Bool, DType, Device, Distribution, Tensor};
use lamplight_kernels::attention::{
    AttentionSettings, AttentionTensors, MASKED_SCORE, attention, reference,
};
use lamplight_kernels::processor::is_processor;
use lamplight_testing::{assert_close, test_device};

/// Batch, heads, target, source, width of a head.
type Sizes = [usize; 5];

fn random(shape: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// Random tensors whose heads lie as projections leave them; the last keys of the first row are masked, and all keys of
/// the last row's first query. Scores are about one for any width, as in a model: of larger ones one key would take all
/// the weight, and what is left of the gradients would be rounding.
fn tensors([batch, heads, target, source, width]: Sizes, device: &Device) -> AttentionTensors {
    let split = |length| random([batch, length, heads, width], device);
    let query = split(target) / (width as f64).sqrt();
    let mut hidden = Tensor::<4>::zeros([batch, 1, target, source], device);
    hidden = hidden.slice_fill(
        [0..1, 0..1, 0..target, source / 2 + 1..source],
        MASKED_SCORE,
    );
    hidden = hidden.slice_fill([batch - 1..batch, 0..1, 0..1, 0..source], MASKED_SCORE);
    AttentionTensors {
        query: query.require_grad(),
        key: split(source).require_grad(),
        value: split(source).require_grad(),
        bias: Some(random([1, heads, target, source], device).require_grad()),
        mask: Some(hidden),
    }
}

/// The same with a bias by distance.
fn tensors_by_distance(sizes: Sizes, device: &Device) -> AttentionTensors {
    let [_, heads, target, source, _] = sizes;
    AttentionTensors {
        bias: Some(random([1, heads, 1, target + source - 1], device).require_grad()),
        ..tensors(sizes, device)
    }
}

/// Context and gradients of query, key, value and bias, from a gradient that differs everywhere.
fn results(
    leaves: &AttentionTensors,
    run: impl FnOnce(AttentionTensors) -> Tensor<4>,
) -> Vec<(&'static str, Vec<f32>)> {
    results_of(leaves, run, |context| context.sin() * 3.0)
}

/// The same from the gradient of the sum of the loss.
fn results_of(
    leaves: &AttentionTensors,
    run: impl FnOnce(AttentionTensors) -> Tensor<4>,
    loss: impl FnOnce(Tensor<4>) -> Tensor<4>,
) -> Vec<(&'static str, Vec<f32>)> {
    let heads = |tensor: &Tensor<4>| tensor.clone().swap_dims(1, 2);
    let context = run(AttentionTensors {
        query: heads(&leaves.query),
        key: heads(&leaves.key),
        value: heads(&leaves.value),
        ..leaves.clone()
    });
    let read = |tensor: Tensor<4>| tensor.into_data().try_to_vec().unwrap();
    let gradients = loss(context.clone()).sum().backward();
    let mut all = vec![("context", read(context.inner()))];
    let named = [
        ("query", &leaves.query),
        ("key", &leaves.key),
        ("value", &leaves.value),
    ];
    for (name, leaf) in named
        .into_iter()
        .chain(leaves.bias.as_ref().map(|bias| ("bias", bias)))
        .filter(|(_, leaf)| leaf.is_require_grad())
    {
        all.push((name, read(leaf.grad(&gradients).unwrap())));
    }
    all
}

fn assert_as_reference(leaves: &AttentionTensors, scale: f64) {
    let settings = AttentionSettings {
        scale,
        dropout: 0.0,
    };
    let ours = results(leaves, |tensors| attention(tensors, settings));
    let theirs = results(leaves, |tensors| {
        reference::attention(tensors, settings).context
    });
    for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        assert_close(name, ours, theirs, 1e-4, 2e-5);
    }
}

#[test]
fn outputs_and_gradients_are_those_of_the_reference() {
    let device = test_device().autodiff();
    for sizes in [
        [1, 1, 1, 1, 1],
        [2, 3, 5, 7, 4],
        [3, 2, 33, 17, 8],
        [1, 2, 70, 700, 16],
        [1, 2, 3, 1301, 5],
    ] {
        assert_as_reference(&tensors(sizes, &device), 1.0);
    }
}

#[test]
fn bias_and_mask_may_be_broadcast_or_missing() {
    let device = test_device().autodiff();
    let sizes = [2, 3, 6, 5, 4];
    for shape in [[1, 3, 1, 5], [2, 1, 6, 5], [1, 1, 6, 1], [2, 3, 6, 5]] {
        let mut leaves = tensors(sizes, &device);
        leaves.bias = Some(random(shape, &device).require_grad());
        leaves.mask = Some(Tensor::zeros([2, 1, 1, 5], &device));
        assert_as_reference(&leaves, 0.5);
        leaves.bias = None;
        assert_as_reference(&leaves, 0.5);
        leaves.mask = None;
        assert_as_reference(&leaves, 0.5);
    }
}

#[test]
fn a_bias_by_distance_is_that_of_each_query_and_key() {
    let device = test_device().autodiff();
    for sizes in [
        [2, 3, 6, 5, 4],
        [3, 2, 1, 7, 4],
        [2, 2, 40, 900, 4],
        [1, 2, 70, 130, 64],
        [2, 1, 64, 32, 16],
        [1, 1, 3, 35, 128],
        [1, 1, 2, 5, 2000],
    ] {
        let [_, heads, target, source, _] = sizes;
        let mut leaves = tensors_by_distance(sizes, &device);
        let bias = leaves.bias.clone().unwrap();
        let rows = (0..target).map(|query| {
            let first = target - 1 - query;
            bias.clone().slice_dim(3, first..first + source)
        });
        let of_each_key = Tensor::cat(rows.collect(), 2);
        let spread = reference::of_each_key(bias.clone(), target, source);
        let values = |tensor: Tensor<4>| tensor.into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(values(spread), values(of_each_key));
        assert_as_reference(&leaves, 1.0);
        leaves.mask = None;
        assert_as_reference(&leaves, 0.25);
        leaves.bias = Some(random([sizes[0], heads, target, source], &device));
        assert_as_reference(&leaves, 1.0);
    }
}

/// Both round what they pass on to the next product; the gradient of a bias is a difference of larger numbers, some of
/// them rounded. A processor turns half precision to f32.
#[test]
fn half_precision_is_off_by_a_few_roundings() {
    let device = test_device().autodiff();
    for (dtype, rounding) in [(DType::BF16, 2_f32.powi(-8)), (DType::F16, 2_f32.powi(-11))] {
        if is_processor(&device) || !device.supports_dtype(dtype) {
            continue;
        }
        let sizes = [2, 3, 33, 17, 8];
        let settings = AttentionSettings {
            scale: 1.0,
            dropout: 0.0,
        };
        let in_half = |tensors: AttentionTensors| AttentionTensors {
            query: tensors.query.cast(dtype),
            key: tensors.key.cast(dtype),
            value: tensors.value.cast(dtype),
            ..tensors
        };
        // Linear, so that a rounding of the context does not change what comes from above.
        let factors = random([2, 33, 3, 8], &device);
        let loss = |context: Tensor<4>| context * factors.clone();
        let ours = |tensors| {
            let context = attention(in_half(tensors), settings);
            assert_eq!(context.dtype(), dtype);
            context.cast(DType::F32)
        };
        let theirs = |tensors| {
            let attended = reference::attention(in_half(tensors), settings);
            attended.context.cast(DType::F32)
        };
        for leaves in [tensors(sizes, &device), tensors_by_distance(sizes, &device)] {
            let (ours, theirs) = (
                results_of(&leaves, ours, loss),
                results_of(&leaves, theirs, loss),
            );
            for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
                assert_close(name, ours, theirs, 16.0 * rounding, 0.0);
            }
        }
    }
}

/// With the identity as values the context is the weights after dropout, from which the dropped ones show.
#[test]
fn what_is_dropped_is_dropped_in_the_gradient_too() {
    let device = test_device().autodiff();
    let (length, prob) = (24, 0.25);
    let sizes = [1, 2, length, length, length];
    for mut leaves in [tensors(sizes, &device), tensors_by_distance(sizes, &device)] {
        let identity = Tensor::<2>::eye(length, &device).reshape([1, length, 1, length]);
        let identity = identity.expand([1, length, 2, length]).inner();
        leaves.value = Tensor::from_inner(identity).require_grad();
        leaves.mask = None;
        assert_dropped_as_reference(&leaves, prob);
    }
}

fn assert_dropped_as_reference(leaves: &AttentionTensors, prob: f64) {
    let settings = AttentionSettings {
        scale: 1.0,
        dropout: prob,
    };
    let mut is_kept: Option<Tensor<4, Bool>> = None;
    let ours = results(leaves, |tensors| {
        let context = attention(tensors, settings);
        is_kept = Some(context.clone().swap_dims(1, 2).not_equal_scalar(0.0));
        context
    });
    let is_kept = is_kept.unwrap();
    let num_kept = is_kept.clone().int().sum().into_scalar::<i32>();
    assert!((600..1000).contains(&num_kept), "{num_kept} of 1152");
    let factors = is_kept.float() / (1.0 - prob);
    let theirs = results(leaves, |tensors| {
        let settings = AttentionSettings {
            dropout: 0.0,
            ..settings
        };
        let value = tensors.value.clone();
        let weights = reference::attention(tensors, settings).weights;
        (weights * factors).matmul(value).swap_dims(1, 2)
    });
    for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        assert_close(name, ours, theirs, 1e-4, 2e-5);
    }
}
