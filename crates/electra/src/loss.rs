//! The losses of the heads, with labels as Hugging Face's data has them.

use burn::tensor::{Bool, Int, Tensor};
use lamplight_layers::loss::{WeightedSum, binary_cross_entropy, label_loss};

/// Cross-entropy of one label per row: logits `[batch, classes]`, labels `[batch]`, -100 where
/// there is none. For sequence classification and multiple choice.
///
/// # Panics
/// The shapes differ.
pub fn sequence_loss(logits: Tensor<2>, labels: Tensor<1, Int>) -> WeightedSum {
    label_loss(logits, labels)
}

/// Cross-entropy of one label per position: logits `[batch, length, classes]`, labels
/// `[batch, length]`, -100 where there is none. For token classification and masked LM.
///
/// # Panics
/// The shapes differ.
pub fn token_loss(logits: Tensor<3>, labels: Tensor<2, Int>) -> WeightedSum {
    label_loss(logits, labels.flatten(0, 1))
}

/// Binary cross-entropy over every position that is no padding: logits and labels
/// `[batch, length]`, true = replaced.
///
/// # Panics
/// The shapes differ.
pub fn detection_loss(
    logits: Tensor<2>,
    replaced: Tensor<2, Bool>,
    padding_mask: Tensor<2, Bool>,
) -> WeightedSum {
    let weights = padding_mask.bool_not().float().flatten(0, 1);
    binary_cross_entropy(
        logits.flatten(0, 1),
        replaced.float().flatten(0, 1),
        weights,
    )
}
