//! Host batches to tensors. Ids are checked here, since no device checks them.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use lamplight_data::batch::Matrix;

use crate::TrainingError;

/// Ids as `[rows, columns]`.
///
/// # Errors
/// An id lies past `vocab_size`.
pub fn ids(
    matrix: &Matrix<u32>,
    vocab_size: usize,
    device: &Device,
) -> Result<Tensor<2, Int>, TrainingError> {
    if let Some(&id) = matrix.values.iter().find(|id| **id as usize >= vocab_size) {
        return Err(TrainingError::IdPastVocabulary { id, vocab_size });
    }
    Ok(integers(matrix, device))
}

/// Positions and segments as `[rows, columns]`.
pub fn integers(matrix: &Matrix<u32>, device: &Device) -> Tensor<2, Int> {
    let values: Vec<i64> = matrix.values.iter().map(|id| i64::from(*id)).collect();
    Tensor::from_data(
        TensorData::new(values, [matrix.rows, matrix.columns]),
        device,
    )
}

/// A mask as `[rows, columns]`.
pub fn mask(matrix: &Matrix<bool>, device: &Device) -> Tensor<2, Bool> {
    let data = TensorData::new(matrix.values.clone(), [matrix.rows, matrix.columns]);
    Tensor::from_data(data, device)
}

/// Weights as `[rows, columns]`.
pub fn weights(matrix: &Matrix<f32>, device: &Device) -> Tensor<2> {
    let data = TensorData::new(matrix.values.clone(), [matrix.rows, matrix.columns]);
    Tensor::from_data(data, device)
}
