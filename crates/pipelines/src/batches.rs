//! Rows through a model, several at a time.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use lamplight_data::batch::{EncoderBatch, Matrix, by_length};
use lamplight_data::tokenizer::EncodedRow;
use lamplight_electra::ElectraInput;

use crate::PipelineError;

/// Where batches go, and how large they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchSettings<'a> {
    device: &'a Device,
    /// Tokens of a batch, padding included, unless one row alone has more.
    max_tokens: usize,
}

impl<'a> BatchSettings<'a> {
    /// For results as wide as a hidden state.
    pub fn on(device: &'a Device) -> Self {
        let max_tokens = 4096;
        Self { device, max_tokens }
    }

    /// For results as wide as a vocabulary.
    pub fn over_vocabulary(device: &'a Device) -> Self {
        let max_tokens = 512;
        Self { device, max_tokens }
    }
}

/// Rows of about the same length, padded to that of the longest.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// `[rows, length]`.
    pub input_ids: Tensor<2, Int>,
    /// `[rows, length]`, true = padding.
    pub padding_mask: Tensor<2, Bool>,
    /// `[rows, length]`.
    token_type_ids: Tensor<2, Int>,
    /// Which of the given rows these are.
    pub members: Vec<usize>,
}

impl Batch {
    pub fn new(rows: &[EncodedRow], members: Vec<usize>, device: &Device) -> Self {
        let of_members: Vec<&EncodedRow> = members.iter().map(|&row| &rows[row]).collect();
        let length = of_members.iter().map(|row| row.ids.len()).max();
        // What stands in the padding does not matter, but it is looked up.
        let batch = EncoderBatch::from_rows(&of_members, length.unwrap_or(0), 0);
        Self {
            input_ids: on_device(&batch.input_ids, device),
            padding_mask: Tensor::from_data(
                TensorData::new(
                    batch.padding_mask.values,
                    [batch.padding_mask.rows, batch.padding_mask.columns],
                ),
                device,
            ),
            token_type_ids: on_device(&batch.token_type_ids, device),
            members,
        }
    }

    /// The same for ELECTRA.
    pub fn electra(self) -> ElectraInput {
        ElectraInput {
            input_ids: self.input_ids,
            padding_mask: self.padding_mask,
            token_type_ids: Some(self.token_type_ids),
        }
    }
}

/// What `forward` makes of each row, in the order of `rows`; it gives a batch's results in the
/// order of its members.
pub(crate) fn in_batches<R>(
    rows: &[EncodedRow],
    settings: BatchSettings<'_>,
    mut forward: impl FnMut(Batch) -> Result<Vec<R>, PipelineError>,
) -> Result<Vec<R>, PipelineError> {
    let mut results: Vec<(usize, R)> = Vec::with_capacity(rows.len());
    let lengths: Vec<usize> = rows.iter().map(|row| row.ids.len()).collect();
    for members in by_length(&lengths, settings.max_tokens) {
        let batch = Batch::new(rows, members.clone(), settings.device);
        results.extend(members.into_iter().zip(forward(batch)?));
    }
    results.sort_by_key(|(row, _)| *row);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

fn on_device(ids: &Matrix<u32>, device: &Device) -> Tensor<2, Int> {
    let values: Vec<i64> = ids.values.iter().map(|&id| i64::from(id)).collect();
    Tensor::from_data(TensorData::new(values, [ids.rows, ids.columns]), device)
}

/// The values of a tensor, row-major.
pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The rows of `[rows, width]`.
pub(crate) fn host_rows(tensor: Tensor<2>) -> Vec<Vec<f32>> {
    let [_, width] = tensor.dims();
    let values = host(tensor);
    values.chunks(width.max(1)).map(<[f32]>::to_vec).collect()
}
