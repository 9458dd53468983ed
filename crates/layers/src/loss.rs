//! Losses as weighted sums, so that micro-batches and ranks add up to the large batch. All are
//! computed in f32, whatever type the logits have.

mod vocabulary;

use burn::tensor::{DType, Int, Tensor, activation::log_sigmoid, assert_shape};
use lamplight_kernels::likelihood::{Likelihood, likelihood};

pub use vocabulary::{States, VocabularyHead};

/// A sum over positions and the weight it stands for.
#[derive(Debug, Clone)]
pub struct WeightedSum {
    /// Sum of `weight * value`, `[1]`.
    pub sum: Tensor<1>,
    /// Sum of the weights, `[1]`.
    pub weight: Tensor<1>,
}

impl WeightedSum {
    fn new(values: Tensor<1>, weights: Tensor<1>) -> Self {
        Self {
            sum: (values * weights.clone()).sum(),
            weight: weights.sum(),
        }
    }

    /// The weighted mean; 0 where the weights sum to 0, as in a batch that is all padding.
    pub fn mean(self) -> Tensor<1> {
        let empty = self.weight.clone().equal_scalar(0.0).float();
        self.sum / (self.weight + empty)
    }
}

/// What cross-entropy gives.
#[derive(Debug, Clone)]
pub struct CrossEntropy {
    /// Negative log-likelihood of the targets.
    pub nll: WeightedSum,
    /// `(log Z)^2`, Z the normaliser of the softmax: the z-loss before its coefficient, which
    /// is 1e-4 in T5's pre-training (Mesh TensorFlow; PaLM section 5).
    pub squared_log_z: WeightedSum,
}

/// What cross-entropy with label smoothing `e` gives (Szegedy et al. 2016, section 7): the loss is
/// `(1 - e) * nll + e * uniform`, as PyTorch defines it. T5X spreads `e` over the other classes
/// than the target only and subtracts a constant.
#[derive(Debug, Clone)]
pub struct SmoothedCrossEntropy {
    /// Against the targets.
    pub targets: CrossEntropy,
    /// Against the uniform distribution: the mean negative log-likelihood over the vocabulary.
    pub uniform: WeightedSum,
}

/// Cross-entropy of `logits` `[rows, vocab]` with `targets` `[rows]`, weighted by `weights`
/// `[rows]` (0 = ignored).
///
/// # Panics
/// The numbers of rows differ.
pub fn cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
    weights: Tensor<1>,
) -> CrossEntropy {
    assert_shape!(weights, [logits.dims()[0]]);
    CrossEntropy::new(scores(logits, targets), weights)
}

/// What [`CrossEntropy`] reads of each row of logits: `log Z` and the logit of the target, `[rows]`.
fn scores(logits: Tensor<2>, targets: Tensor<1, Int>) -> [Tensor<1>; 2] {
    let Likelihood {
        log_z,
        target_logit,
    } = likelihood(logits, targets);
    [log_z, target_logit]
}

impl CrossEntropy {
    fn new([log_z, target_logit]: [Tensor<1>; 2], weights: Tensor<1>) -> Self {
        Self {
            nll: WeightedSum::new(log_z.clone() - target_logit, weights.clone()),
            squared_log_z: WeightedSum::new(log_z.square(), weights),
        }
    }
}

/// [`cross_entropy`] with what label smoothing adds.
///
/// # Panics
/// The numbers of rows differ.
pub fn smoothed_cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
    weights: Tensor<1>,
) -> SmoothedCrossEntropy {
    assert_shape!(weights, [logits.dims()[0]]);
    SmoothedCrossEntropy::new(smoothed_scores(logits, targets), weights)
}

/// [`scores`] and the mean logit of each row.
fn smoothed_scores(logits: Tensor<2>, targets: Tensor<1, Int>) -> [Tensor<1>; 3] {
    let logits = logits.cast(DType::F32);
    let mean_logit = logits.clone().mean_dim(1).squeeze_dim(1);
    let [log_z, target_logit] = scores(logits, targets);
    [log_z, target_logit, mean_logit]
}

impl SmoothedCrossEntropy {
    fn new([log_z, target_logit, mean_logit]: [Tensor<1>; 3], weights: Tensor<1>) -> Self {
        Self {
            uniform: WeightedSum::new(log_z.clone() - mean_logit, weights.clone()),
            targets: CrossEntropy::new([log_z, target_logit], weights),
        }
    }
}

/// Binary cross-entropy of `logits` `[rows]` with `labels` `[rows]` in {0, 1}, weighted by
/// `weights` `[rows]`.
///
/// # Panics
/// The numbers of rows differ.
pub fn binary_cross_entropy(
    logits: Tensor<1>,
    labels: Tensor<1>,
    weights: Tensor<1>,
) -> WeightedSum {
    let [rows] = logits.dims();
    assert_shape!(labels, [rows]);
    assert_shape!(weights, [rows]);

    // -log p(label) = -log_sigmoid(x) when the label is 1 and x - log_sigmoid(x) when it is 0
    let logits = logits.cast(DType::F32);
    let loss = logits.clone() * (labels.neg() + 1.0) - log_sigmoid(logits);
    WeightedSum::new(loss, weights)
}

/// Targets and weights of labels in which `ignored` marks positions without a label, as -100
/// does in Hugging Face's data.
pub fn targets_and_weights(labels: Tensor<1, Int>, ignored: i64) -> (Tensor<1, Int>, Tensor<1>) {
    let is_ignored = labels.clone().equal_scalar(ignored);
    let weights = is_ignored.clone().bool_not().float();
    (labels.mask_fill(is_ignored, 0), weights)
}

/// The label of a position that has none, in Hugging Face's data.
const IGNORED_LABEL: i64 = -100;

/// Cross-entropy of logits `[.., classes]` with one label per row of them, `[rows]`; -100 where
/// there is none.
///
/// # Panics
/// The numbers of rows differ.
pub fn label_loss<const D: usize>(logits: Tensor<D>, labels: Tensor<1, Int>) -> WeightedSum {
    let classes = logits.dims()[D - 1];
    let (targets, weights) = targets_and_weights(labels, IGNORED_LABEL);
    cross_entropy(logits.reshape([-1, classes as i64]), targets, weights).nll
}
