//! Rows through a model, several at a time.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use lamplight_data::batch::by_length;
use lamplight_electra::ElectraInput;

use crate::PipelineError;
use crate::reader::Row;

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
    fn new(rows: &[Row], members: &[usize], device: &Device) -> Self {
        let lengths = members.iter().map(|&row| rows[row].ids.len());
        let length = lengths.max().unwrap_or(0);
        let shape = [members.len(), length];
        let (mut ids, mut types, mut mask) = (Vec::new(), Vec::new(), Vec::new());
        for &member in members {
            let Row {
                ids: row,
                token_type_ids,
            } = &rows[member];
            let padding = length - row.len();
            // What stands in the padding does not matter, but it is looked up.
            let padded = |values: &[u32]| {
                let values = values.iter().map(|&value| i64::from(value));
                values
                    .chain(std::iter::repeat_n(0, padding))
                    .collect::<Vec<_>>()
            };
            ids.extend(padded(row));
            types.extend(padded(token_type_ids));
            mask.extend((0..length).map(|place| place >= row.len()));
        }
        Self {
            input_ids: Tensor::from_data(TensorData::new(ids, shape), device),
            padding_mask: Tensor::from_data(TensorData::new(mask, shape), device),
            token_type_ids: Tensor::from_data(TensorData::new(types, shape), device),
            members: members.to_vec(),
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
    rows: &[Row],
    settings: BatchSettings<'_>,
    mut forward: impl FnMut(Batch) -> Result<Vec<R>, PipelineError>,
) -> Result<Vec<R>, PipelineError> {
    let mut results: Vec<(usize, R)> = Vec::with_capacity(rows.len());
    let lengths: Vec<usize> = rows.iter().map(|row| row.ids.len()).collect();
    for members in by_length(&lengths, settings.max_tokens) {
        let batch = Batch::new(rows, &members, settings.device);
        results.extend(members.into_iter().zip(forward(batch)?));
    }
    results.sort_by_key(|(row, _)| *row);
    Ok(results.into_iter().map(|(_, result)| result).collect())
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
